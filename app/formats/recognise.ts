/**
 * @file What a file really is, by its first bytes, whatever its name says: so that a pointer, a web page or a picture
 * in place of weights, data or a prompt is named for what it is. Only looks; nothing is unpacked or run.
 */
import { FormatError } from './errors';

/** Everything that can be told apart. What is none of these is `null`: text, or a format without a mark. */
export type ContentKind =
  | 'empty'
  | 'zeros'
  | 'lfsPointer'
  | 'webPage'
  | 'xml'
  | 'errorAnswer'
  | 'notebook'
  | 'json'
  | 'pickle'
  | 'torchZip'
  | 'xlsx'
  | 'document'
  | 'zip'
  | 'archive'
  | 'gzip'
  | 'image'
  | 'media'
  | 'pdf'
  | 'safetensors'
  | 'gguf'
  | 'npy'
  | 'parquet'
  | 'arrow'
  | 'sqlite'
  | 'hdf5'
  | 'oldOffice'
  | 'program';

export interface Recognised {
  kind: ContentKind;
  /** For a sentence: “a Git LFS pointer”, “a PNG picture”. */
  what: string;
  /** What a person can do who expected another file. */
  hint: string;
}

/** Bytes that are looked at, from the start and from the end. */
const LOOK = 64 * 1024;

const download = 'Download or copy the file again.';
const choose = 'Choose the file that was meant.';
const unpack = 'Unpack it and take the file that is inside.';
const pickleHint =
  'Pickles can run code and are never opened: save it again as safetensors (model.save_pretrained(folder, safe_serialization=True)), or choose a version of it that is stored so.';

type Mark = [kind: ContentKind, what: string, hint: string, bytes: string | readonly number[], at?: number];

/** Formats that begin with bytes of their own. */
const marks: readonly Mark[] = [
  ['image', 'a PNG picture', choose, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['image', 'a JPEG picture', choose, [0xff, 0xd8, 0xff]],
  ['image', 'a GIF picture', choose, 'GIF8'],
  ['image', 'a TIFF picture', choose, [0x49, 0x49, 0x2a, 0x00]],
  ['image', 'a TIFF picture', choose, [0x4d, 0x4d, 0x00, 0x2a]],
  ['pdf', 'a PDF document', 'Take the text out of it into a text or table file.', '%PDF-'],
  ['gguf', 'a GGUF model', 'Load it as a model, by itself and under a name that ends in .gguf.', 'GGUF'],
  ['npy', 'a NumPy array (.npy)', choose, [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]],
  ['parquet', 'a Parquet file', choose, 'PAR1'],
  ['arrow', 'an Arrow file', choose, 'ARROW1'],
  ['arrow', 'a Feather file', choose, 'FEA1'],
  ['sqlite', 'an SQLite database', 'Export the table from it as CSV.', 'SQLite format 3\0'],
  ['hdf5', 'an HDF5 file', pickleHint, [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['gzip', 'compressed by gzip', unpack, [0x1f, 0x8b]],
  ['archive', 'compressed by Zstandard', unpack, [0x28, 0xb5, 0x2f, 0xfd]],
  ['archive', 'compressed by xz', unpack, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['archive', 'compressed by bzip2', unpack, 'BZh'],
  ['archive', 'a 7z archive', unpack, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ['archive', 'a RAR archive', unpack, 'Rar!\x1a\x07'],
  ['archive', 'a tar archive', unpack, 'ustar', 257],
  [
    'oldOffice',
    'a document of an old Office program (.xls, .doc)',
    'Open it in the program that made it and save it as .xlsx or CSV.',
    [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1],
  ],
  ['media', 'a film', choose, 'ftyp', 4],
  ['media', 'a sound file', choose, 'ID3'],
  ['media', 'a sound file', choose, 'OggS'],
  ['media', 'a sound file', choose, 'fLaC'],
  ['program', 'a program', choose, [0x7f, 0x45, 0x4c, 0x46]],
];

/**
 * What the bytes are.
 * @param bytes the whole file, or its start (64 KiB are enough)
 * @returns null where they are none of the kinds that can be told
 */
export function recognise(bytes: Uint8Array): Recognised | null {
  if (bytes.length === 0) return { kind: 'empty', what: 'empty', hint: download };
  for (const [kind, what, hint, mark, at] of marks) {
    if (startsWith(bytes, mark, at ?? 0) && (typeof mark !== 'string' || kind === 'pdf' || isBinary(bytes))) {
      return { kind, what, hint };
    }
  }
  return byContainer(bytes) ?? byText(bytes);
}

/**
 * The error for a file that is another kind of thing than its reader takes, or null where it is nothing that is known.
 * @param expected for the sentence “FILE should be …”
 * @param taken kinds that the reader itself can judge
 */
export function foreignContent(
  bytes: Uint8Array,
  file: string,
  expected: string,
  taken: readonly ContentKind[],
): FormatError | null {
  const found = recognise(bytes);
  if (!found || taken.includes(found.kind)) return null;
  return new FormatError('otherFormat', `${file} should be ${expected}, and is ${found.what}.`, found.hint);
}

function startsWith(bytes: Uint8Array, mark: string | readonly number[], at: number): boolean {
  for (let i = 0; i < mark.length; i++) {
    if (bytes[at + i] !== (typeof mark === 'string' ? mark.charCodeAt(i) : mark[i])) return false;
  }
  return true;
}

/** Whether there is a byte that no text has: letters alone (“ID3”, “GGUF”) may begin a text as well. */
function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 1024).some((byte) => byte < 9);
}

/** Formats that need a second look: what stands inside, or how long something is. */
function byContainer(bytes: Uint8Array): Recognised | null {
  if (startsWith(bytes, 'PK\x03\x04', 0) || startsWith(bytes, 'PK\x05\x06', 0)) return zipKind(bytes);
  if (startsWith(bytes, 'RIFF', 0)) {
    return startsWith(bytes, 'WEBP', 8)
      ? { kind: 'image', what: 'a WebP picture', hint: choose }
      : { kind: 'media', what: 'a sound or film file', hint: choose };
  }
  // PROTO of protocols 2 to 5; torch's older files are several such pickles, one after another.
  if (bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5) {
    return { kind: 'pickle', what: 'a pickled Python or PyTorch file', hint: pickleHint };
  }
  // A Windows program says where its header is; two letters alone could begin a text.
  if (startsWith(bytes, 'MZ', 0) && bytes.includes(0)) {
    return { kind: 'program', what: 'a program', hint: choose };
  }
  if (startsWith(bytes, 'BM', 0) && bytes[6] === 0 && bytes[7] === 0 && bytes[8] === 0 && bytes[9] === 0) {
    return { kind: 'image', what: 'a BMP picture', hint: choose };
  }
  if (bytes.length >= 12) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, 12);
    // An Arrow stream begins with a continuation mark and the length of its schema.
    const length = view.getInt32(4, true);
    if (view.getUint32(0, true) === 0xffffffff && length > 0 && length < 2 ** 24) {
      return { kind: 'arrow', what: 'an Arrow stream', hint: choose };
    }
    // Eight bytes of header length, of which real files never use the upper four, then the header's brace.
    if (view.getUint32(4, true) === 0 && view.getUint32(0, true) >= 2 && bytes[8] === 0x7b) {
      return { kind: 'safetensors', what: 'a safetensors file', hint: choose };
    }
  }
  if (bytes.length >= 16 && bytes.subarray(0, LOOK).every((byte) => byte === 0)) {
    return { kind: 'zeros', what: 'zeros only, as a download that broke off leaves it', hint: download };
  }
  return null;
}

function zipKind(bytes: Uint8Array): Recognised {
  // Names stand in local headers at the start and in the directory at the end.
  const ends = bytes.length > 2 * LOOK ? [bytes.subarray(0, LOOK), bytes.subarray(-LOOK)] : [bytes];
  const text = ends.map((end) => new TextDecoder('latin1').decode(end)).join('');
  if (text.includes('/data.pkl')) {
    return { kind: 'torchZip', what: 'a pickled PyTorch file', hint: pickleHint };
  }
  if (text.includes('xl/workbook')) return { kind: 'xlsx', what: 'an Excel workbook', hint: choose };
  if (text.includes('word/document') || text.includes('ppt/presentation') || text.includes('opendocument')) {
    return { kind: 'document', what: 'an Office document', hint: 'Save its content as text or CSV.' };
  }
  return { kind: 'zip', what: 'a zip', hint: unpack };
}

/** What reads as text and is meant for machines. */
function byText(bytes: Uint8Array): Recognised | null {
  const text = startText(bytes);
  if (text.startsWith('version https://git-lfs.github.com/spec/')) {
    const size = /^size (\d+)$/m.exec(text)?.[1];
    return {
      kind: 'lfsPointer',
      what: `a Git LFS pointer: a few lines of text${size ? ` that stand for a file of ${size} bytes` : ''}, not the file itself`,
      hint: 'Run “git lfs pull” in its folder, or download the file itself from its page.',
    };
  }
  if (/^<(!doctype html|html|head|body)\b/i.test(withoutPreamble(text))) {
    return {
      kind: 'webPage',
      what: 'a web page',
      hint: 'The address was that of a page, or asked to sign in: open it in the browser and download the file itself.',
    };
  }
  if (/^<\?xml\b|^<svg\b/.test(text)) {
    const code = /<Error>[\s\S]{0,200}<(?:Code|Message)>([^<]{1,200})</.exec(text)?.[1];
    return code ? errorAnswer(code) : { kind: 'xml', what: 'an XML file', hint: choose };
  }
  if (
    /^(entry not found|404: not found|not found|invalid username or password\.?|access to model .{1,200})\s*$/i.test(
      text,
    )
  ) {
    return errorAnswer(text.trim());
  }
  if (!text.startsWith('{') && !text.startsWith('[')) return null;
  if (/^\{\s*"(cells|metadata|nbformat)"\s*:/.test(text) && /"(cell_type|nbformat)"\s*:/.test(text)) {
    return {
      kind: 'notebook',
      what: 'a Jupyter notebook',
      hint: 'Run it and take the file that it makes, or export its table as CSV.',
    };
  }
  const message = bytes.length <= 8192 ? errorMessage(text) : null;
  return message === null ? { kind: 'json', what: 'a JSON file', hint: choose } : errorAnswer(message);
}

/** A page without what may stand before its first element: XML's declaration and comments. */
function withoutPreamble(text: string): string {
  let rest = text;
  for (;;) {
    const end = rest.startsWith('<?xml') ? '?>' : rest.startsWith('<!--') ? '-->' : null;
    const at = end === null ? -1 : rest.indexOf(end);
    if (end === null || at < 0) return rest;
    rest = rest.slice(at + end.length).trimStart();
  }
}

function errorAnswer(message: string): Recognised {
  const said = message.replace(/\s+/g, ' ').slice(0, 200);
  return {
    kind: 'errorAnswer',
    what: `a server's error message: “${said}”`,
    hint: 'Open the address in the browser and sign in where it asks; then download the file itself.',
  };
}

/** The start as text without a byte-order mark and leading white space; '' where it is no text. */
function startText(bytes: Uint8Array): string {
  const start = bytes.subarray(0, LOOK);
  const wide = (start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff);
  const encoding = wide ? (start[0] === 0xff ? 'utf-16le' : 'utf-16be') : 'utf-8';
  const text = new TextDecoder(encoding).decode(start);
  return text.trimStart();
}

/** Names that answers of servers use, and nothing else. */
const answerKeys = new Set([
  'code',
  'detail',
  'details',
  'documentation_url',
  'error',
  'error_code',
  'error_description',
  'errors',
  'message',
  'ok',
  'path',
  'reason',
  'request_id',
  'requestId',
  'status',
  'statusCode',
  'status_code',
  'success',
  'timestamp',
  'title',
  'trace_id',
  'traceId',
  'type',
]);

/** What a small JSON text says went wrong, where it is a server's answer and nothing more. */
function errorMessage(text: string): string | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return null;
  const answer = new Map(Object.entries(json));
  if (answer.size === 0 || ![...answer.keys()].every((key) => answerKeys.has(key))) return null;
  const status = ['status', 'statusCode', 'status_code', 'code', 'documentation_url'].some((key) =>
    answer.has(key),
  );
  const failed = answer.has('error') || answer.has('errors') || answer.get('success') === false;
  if (
    !failed &&
    !(answer.has('message') && status) &&
    !(answer.has('detail') && (status || answer.size === 1))
  ) {
    return null;
  }
  return (
    worded(answer.get('error')) ??
    worded(answer.get('message')) ??
    worded(answer.get('detail')) ??
    text.trim()
  );
}

function worded(value: unknown): string | null {
  if (typeof value === 'string' && value.trim() !== '') return value;
  if (typeof value !== 'object' || value === null) return null;
  return worded((value as { message?: unknown }).message);
}
