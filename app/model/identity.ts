/** @file The part of a model's fingerprint that its weights' bytes make. */
import { sha256 as hash } from '@noble/hashes/sha2.js';
import type { WeightSource } from './families';

/** What a prompt file says of the model it was trained for, and what compatibility is judged by. */
export interface ModelIdentity {
  /** Hub id or folder name. */
  id: string;
  revision: string | null;
  /** sha-256, hex, of the weights file's header(s). */
  weightsHash: string;
  /** sha-256, hex, of the embedding table's stored bytes. */
  embeddingHash: string;
  /** sha-256, hex, of config.json; absent in files of older versions. */
  configHash?: string;
  /** sha-256, hex, of the sha-256s (hex, one after another) of the first block's stored tensors in canonical order; absent in files of older versions. */
  blockHash?: string;
  /** sha-256, hex, of tokenizer.json. */
  tokenizerHash: string;
  hidden: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headDim: number;
}

/**
 * @param sources Canonical weights in canonical order.
 * @param hashes sha-256, hex, of the stored bytes of the embedding table's and the first block's tensors, by name.
 */
export function hashIdentity(
  sources: readonly WeightSource[],
  hashes: ReadonlyMap<string, string>,
): Required<Pick<ModelIdentity, 'embeddingHash' | 'blockHash'>> {
  const of = (chosen: readonly WeightSource[]) =>
    chosen.flatMap(({ parts }) =>
      parts.map(({ name }) => {
        const found = hashes.get(name);
        if (found === undefined) throw new Error(`“${name}” was not hashed.`);
        return found;
      }),
    );
  const embedding = of(sources.filter(({ name }) => name === 'embed.tokens'));
  const block = of(sources.filter(({ name }) => name.startsWith('layers.0.')));
  return { embeddingHash: combined(embedding), blockHash: combined([...new Set(block)]) };
}

/** One hash stands for itself, several for the hash of their text. */
function combined(hashes: readonly string[]): string {
  if (hashes.length === 1) return hashes[0];
  const digest = hash(new TextEncoder().encode(hashes.join('')));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
