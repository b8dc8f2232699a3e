/** @file `read prompt`: a prompt's file, or an adapter's folder. */
import { readPrompt as importFound } from '../../app/prompt/importPrompt';
import { errorLine, filesAt } from './files';
import type { Reading } from './reader';

/** Bytes of a file that could belong to a prompt; what is larger lies beside it by chance. */
const MOST_BYTES = 512 * 2 ** 20;

export async function readPrompt(path: string): Promise<Reading> {
  try {
    const { format, artefact } = importFound(await namedBytes(path));
    const { kind, virtualTokens, width, values, card } = artefact;
    return {
      path,
      format,
      method: kind,
      virtualTokens,
      width,
      values: [...values.subarray(0, 4)],
      card,
      error: null,
    };
  } catch (error) {
    return { path, ...nothing, error: errorLine(error) };
  }
}

const nothing = { format: null, method: null, virtualTokens: null, width: null, values: null, card: null };

async function namedBytes(path: string) {
  const files = (await filesAt(path)).filter(({ size }) => size <= MOST_BYTES);
  return Promise.all(
    files.map(async (file) => ({
      name: file.webkitRelativePath || file.name,
      bytes: new Uint8Array(await file.arrayBuffer()),
    })),
  );
}
