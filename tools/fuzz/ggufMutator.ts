/** @file Changes inside the header of a GGUF file, where a blind change seldom hits: most of a file is weights. */
import { MoreNeeded, parseGguf } from '../../app/formats/gguf';
import type { Random } from '../../app/formats/random';
import { byteMutators, joined, type Mutator } from './bytes';
import { pick } from './json';

/** Bytes before and after a name that are its value's or a tensor's. */
const NEAR = 40;

export const ggufMutator: Mutator = (bytes, random) => {
  const header = headerEnd(bytes);
  if (random.int(2) === 0) return besideName(bytes, header, random);
  const changed = pick(byteMutators, random)(bytes.slice(0, header), random);
  return joined(changed, bytes.subarray(header));
};

/** A number or a letter near a name of a value or a tensor: counts, types, shapes, places. */
function besideName(bytes: Uint8Array, header: number, random: Random): Uint8Array {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, header));
  const names = [...text.matchAll(/(?:general|tokenizer|llama|gemma3|qwen2|blk|rope)[._][\w.]+|GGUF/g)];
  const { index, 0: name } = pick(names, random);
  const changed = bytes.slice();
  const at = Math.max(0, Math.min(header - 1, index - 8 + random.int(name.length + NEAR)));
  changed[at] = pick([0, 1, 7, 8, 9, 0x7f, 0x80, 0xff, random.int(256)], random);
  return changed;
}

function headerEnd(bytes: Uint8Array): number {
  try {
    return parseGguf(bytes).dataStart;
  } catch (error) {
    if (error instanceof MoreNeeded) return bytes.byteLength;
    throw error;
  }
}
