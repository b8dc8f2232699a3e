/**
 * @file From what a person types to where a model comes from: a name on the Hugging Face Hub, one of its pages, or a folder's URL; each
 * may go on to a GGUF file.
 */
import type { ModelOrigin } from '../workers/protocol';

export const embeddedModelId = 'soft-prompt-studio/studio-2.6m';
const MAIN = 'main';
/** Of dots alone a name would be a step up in the Hub's own paths. */
const hubName = /^(?!\.+\/)[\w.-]+\/(?!\.+$)[\w.-]+$/;
/** Of a name on the Hub what follows it where a GGUF file is meant, folders and all. */
const ggufPath = /(?<=^[^/]+\/[^/]+)\/(?:(?!\.{1,2}\/)[^/?#]+\/)*[^/?#]+\.gguf$/i;

/** The model that ships with the page, under any base path. */
export function embeddedModel(baseUri: string): ModelOrigin {
  return { kind: 'url', url: new URL('models/studio-2.6m/', baseUri).href, id: embeddedModelId };
}

/**
 * Reads `owner/name`, `owner/name@revision`, `owner/name/file.gguf`, the Hub's own addresses (`/tree/…`, `/resolve/…`), or the URL of a folder.
 * @returns the origin, or what is wrong with the text
 */
export function parseModelAddress(text: string, baseUri: string): ModelOrigin | { message: string } {
  const trimmed = text.trim();
  if (trimmed === '') return { message: 'Enter a name such as owner/model, or the address of a folder.' };
  const relative = /^\.{0,2}\//.test(trimmed);
  if (!relative && !/^[a-z][a-z\d+.-]*:/i.test(trimmed)) return parseHubName(trimmed);
  let url: URL;
  try {
    url = new URL(trimmed, baseUri);
  } catch {
    return { message: `“${trimmed}” is no address. Enter one that begins with https://, or owner/model.` };
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return { message: `The page can fetch http and https addresses, not ${url.protocol}//` };
  }
  if (url.username !== '' || url.password !== '') {
    return { message: 'Addresses with a name and a password in them cannot be fetched by a page.' };
  }
  if (/^(www\.)?(huggingface\.co|hf\.co)$/.test(url.hostname)) return parseHubAddress(url);
  const folder = url.pathname.replace(/(\/config\.json|\/model\.safetensors)?\/*$/, '');
  url.pathname = /\.gguf$/i.test(folder) ? folder : `${folder}/`;
  url.hash = '';
  // A name for people: where its escapes mean nothing it is shown as it stands.
  const parts = pathParts(url) ?? url.pathname.split('/').filter(Boolean);
  return { kind: 'url', url: url.href, id: parts.slice(-2).join('/') || url.hostname };
}

/** What a person would call it. */
export function originName(origin: ModelOrigin): string {
  if (origin.kind === 'hub') {
    return origin.revision === MAIN ? origin.id : `${origin.id}@${shortRevision(origin.revision)}`;
  }
  if (origin.kind === 'url') return modelName(origin.id);
  const [first] = origin.files;
  const folder = first?.webkitRelativePath?.split('/').at(-2);
  return folder ?? (origin.files.length === 1 ? first.name : `${origin.files.length} files`);
}

/** A model's id as it is shown. */
export function modelName(id: string): string {
  return id === embeddedModelId ? 'Embedded model (studio-2.6m)' : id;
}

/** Seven letters of a commit, as git shows them; branches and tags as they are. */
export function shortRevision(revision: string): string {
  return /^[\da-f]{40}$/.test(revision) ? revision.slice(0, 7) : revision;
}

function parseHubName(text: string): ModelOrigin | { message: string } {
  const at = text.indexOf('@');
  const id = at < 0 ? text : text.slice(0, at);
  const revision = at < 0 ? MAIN : text.slice(at + 1).trim();
  if (!hubName.test(id.replace(ggufPath, ''))) {
    return {
      message: `“${id}” is not a name on the Hub. Write it as owner/model, such as openai-community/gpt2, or as owner/model/FILE.gguf.`,
    };
  }
  if (revision === '' || /\s/.test(revision)) {
    return { message: 'After the @ stands a branch, a tag or a commit, such as main.' };
  }
  return { kind: 'hub', id, revision };
}

function parseHubAddress(url: URL): ModelOrigin | { message: string } {
  const parts = pathParts(url);
  if (!parts) {
    return {
      message: `In “${url.pathname}” a % is not followed by a character's code: copy the address once more.`,
    };
  }
  const [owner, name, view, revision, ...path] = parts;
  if (owner === 'datasets' || owner === 'spaces') {
    return { message: `This is the address of a ${owner.slice(0, -1)} on the Hub, not of a model.` };
  }
  if (!owner || !name) {
    return { message: 'This is not the address of a model on the Hub: owner/model is missing.' };
  }
  if (!hubName.test(`${owner}/${name}`)) {
    return {
      message: `“${owner}/${name}” is not a name on the Hub: letters, digits, dots and dashes make one.`,
    };
  }
  const views = ['tree', 'resolve', 'blob', 'raw', 'commit'];
  const named = views.includes(view) && revision ? revision : MAIN;
  const file = ['resolve', 'blob', 'raw'].includes(view) ? `/${path.join('/')}` : '';
  const gguf = ggufPath.test(`${owner}/${name}${file}`) ? file : '';
  return { kind: 'hub', id: `${owner}/${name}${gguf}`, revision: named };
}

/** The folders and names of a path as people write them; null where a % in it is no escape of a character. */
function pathParts(url: URL): string[] | null {
  try {
    return url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    return null;
  }
}
