/** @file From what a person types to the folder of a model: a URL, a page on the Hugging Face hub, or `owner/name`. */
import type { ModelAddress } from './state';

export const embeddedModelId = 'soft-prompt-studio/studio-2.6m';

/** The model that ships with the page, under any base path. */
export function embeddedModel(baseUri: string): ModelAddress {
  return { url: new URL('models/studio-2.6m/', baseUri).href, id: embeddedModelId };
}

/** @returns the folder with a trailing slash and the model's id, or what is wrong with the text */
export function parseModelAddress(text: string, baseUri: string): ModelAddress | { message: string } {
  const trimmed = text.trim();
  if (trimmed === '') return { message: 'Enter the address of a folder, or a name such as owner/model.' };
  if (/^[\w.-]+\/[\w.-]+$/.test(trimmed) && !/^\.{1,2}\//.test(trimmed)) return hubModel(trimmed, 'main');
  let url: URL;
  try {
    url = new URL(trimmed, baseUri);
  } catch {
    return { message: `“${trimmed}” is no address. Enter one that begins with https://, or owner/model.` };
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return { message: `The page can fetch http and https addresses, not ${url.protocol}//` };
  }
  if (url.hostname === 'huggingface.co' || url.hostname === 'hf.co') {
    const [owner, name, , revision] = url.pathname.split('/').filter(Boolean);
    if (!owner || !name)
      return { message: 'This is not the address of a model on the hub: owner/model is missing.' };
    return hubModel(`${owner}/${name}`, revision ?? 'main');
  }
  url.pathname = url.pathname.replace(/(\/config\.json|\/model\.safetensors)?\/*$/, '/');
  url.hash = '';
  const id = url.pathname.split('/').filter(Boolean).slice(-2).map(decodeURIComponent).join('/');
  return { url: url.href, id: id || url.hostname };
}

function hubModel(id: string, revision: string): ModelAddress {
  return { url: `https://huggingface.co/${id}/resolve/${revision}/`, id };
}
