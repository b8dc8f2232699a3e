/** @file Among files that were dropped or chosen: those of a model in Hugging Face layout or as GGUF, and which zip holds one. */

/** A file and where it lay in what was dropped: "folder/config.json", or its bare name. */
export interface PlacedFile {
  path: string;
  file: File;
}

/** A zip's table of contents stands at its end; names in it are plain text. */
const ZIP_TAIL = 65_536;

export function placedFiles(files: readonly File[]): PlacedFile[] {
  return files.map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** Files that lie open or directly in the folder that was dropped: data and prompts never lie deeper. */
export function shallow(files: readonly PlacedFile[]): File[] {
  return files.filter(({ path }) => path.split('/').length <= 2).map(({ file }) => file);
}

/**
 * The files beside the outermost `config.json` that belong to a model, else what there is of GGUF, or null where there is neither. A model's folder may
 * hold others (other formats, a pooling layer): those are left out.
 * @param lenient take what could be meant as a model, so that what is missing can be said
 */
export function modelFolder(files: readonly PlacedFile[], lenient: boolean): File[] | null {
  const configs = files.filter(({ path }) => fileName(path) === 'config.json');
  const outermost = configs.toSorted((a, b) => depth(a.path) - depth(b.path))[0];
  if (outermost) {
    const folder = folderOf(outermost.path);
    const beside = files.filter(({ path }) => folderOf(path) === folder);
    const names = beside.map(({ path }) => fileName(path));
    const whole = names.some((name) => name === 'tokenizer.json' || isWeights(name));
    return whole || lenient ? beside.map(({ file }) => file) : null;
  }
  const ggufs = files.filter(({ path }) => path.toLowerCase().endsWith('.gguf'));
  if (ggufs.length > 0) return ggufs.map(({ file }) => file);
  const names = files.map(({ path }) => fileName(path));
  const adapter = names.some((name) => name.startsWith('adapter_'));
  const parts = names.some((name) => isWeights(name) || name === 'tokenizer.json' || foreign.test(name));
  return lenient && parts && !adapter ? files.map(({ file }) => file) : null;
}

/** Whether a zip's table of contents names a model's files, and not an adapter's. */
export async function isModelZip(file: File): Promise<boolean> {
  if (!file.name.toLowerCase().endsWith('.zip')) return false;
  const bytes = new Uint8Array(await file.slice(-ZIP_TAIL).arrayBuffer());
  const text = new TextDecoder('latin1').decode(bytes);
  return text.includes('config.json') && !text.includes('adapter_config.json') && !text.includes('.npy');
}

/** Whether a zip's table of contents names files of rows, and nothing of a model or a prompt. */
export async function isDatasetZip(file: File): Promise<boolean> {
  if (!file.name.toLowerCase().endsWith('.zip')) return false;
  const bytes = new Uint8Array(await file.slice(-ZIP_TAIL).arrayBuffer());
  const text = new TextDecoder('latin1').decode(bytes);
  // A text alone may be anything.
  return (
    rows.test(text.replaceAll('.txt', '')) && !/config\.json|\.npy|\.safetensors|"soft-prompt"/.test(text)
  );
}

/** What lies in the folders of a dataset, as `datasets` and the Hub lay them out, is named by its path: train/data.arrow. */
export function datasetFolder(files: readonly PlacedFile[]): File[] {
  const inside = files.filter(({ path }) => path.split('/').length <= MOST_FOLDERS && rows.test(`${path}PK`));
  return inside.map(({ path, file }) => new File([file], path, { type: file.type }));
}

const MOST_FOLDERS = 5;
/** In a zip a name is followed by the next entry's mark, or by what the entry says beside it. */
const rows = /\.(csv|tsv|tab|jsonl?|ndjson|parquet|pq|arrow|feather|xlsx|txt)(?=[^a-z0-9]|PK)/i;

/** Weights in formats that are not read: the worker says which is. */
const foreign = /\.(ggml|bin|pt|pth|ckpt|onnx|h5|msgpack)$/;

function isWeights(name: string): boolean {
  return /\.safetensors(\.index\.json)?$/.test(name) && !name.startsWith('adapter_');
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).toLowerCase();
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function depth(path: string): number {
  return path.split('/').length;
}
