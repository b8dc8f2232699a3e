/** @file What a file says of the model a prompt belongs to, read with care: every field may be missing or wrong. */
import { z } from 'zod';
import type { ModelIdentity } from '../model/identity';

const text = z.string().min(1).max(1000);
const count = z.coerce.number().int().min(1).max(1_000_000);

const fields = {
  id: text,
  revision: text.nullable(),
  weightsHash: text,
  embeddingHash: text,
  blockHash: text,
  configHash: text,
  tokenizerHash: text,
  hidden: count,
  layers: count,
  heads: count,
  kvHeads: count,
  headDim: count,
} satisfies Record<keyof ModelIdentity, z.ZodType>;

/** The fields of a model identity that are present and of the right type; numbers may be given as strings. */
export function identityFrom(record: Record<string, unknown>): Partial<ModelIdentity> {
  const identity: Record<string, unknown> = {};
  for (const [key, type] of Object.entries(fields)) {
    if (record[key] === undefined || (record[key] === null && key !== 'revision')) continue;
    const parsed = type.safeParse(record[key]);
    if (parsed.success) identity[key] = parsed.data;
  }
  return identity as Partial<ModelIdentity>;
}
