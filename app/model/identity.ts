/** @file The part of a model's fingerprint that its weights' bytes make. */
import { sha256 as hash } from '@noble/hashes/sha2.js';
import type { ModelIdentity } from '../prompt/types';
import type { WeightSource } from './families';

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
