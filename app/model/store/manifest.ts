/** @file What a folder of the store holds: which model, and of each file which bytes. */
import { z } from 'zod';
import type { Range } from './ranges';

const natural = z.number().int().nonnegative();
const fileSchema = z.object({
  /** Name in the store's folder. */
  storedAs: z.string(),
  size: natural.nullable(),
  /** ETag, or date of change, that the server gave. */
  validator: z.string().nullable(),
  ranges: z.array(z.tuple([natural, natural])),
  /** Of chunks, by their number: how many of a chunk's bytes are summed, and their CRC-32. Older manifests have none. */
  sums: z.record(z.string(), z.tuple([natural, natural])).default({}),
  /** Its bytes have been compared with the hash that its publisher names. */
  verified: z.boolean(),
});
const schema = z.object({
  version: z.literal(1),
  /** Folder's address, commit included: what is the same is the same model. */
  address: z.string(),
  id: z.string(),
  revision: z.string().nullable(),
  /** Branches and tags that were last seen to mean this revision, and when (milliseconds since 1970). */
  refs: z.record(z.string(), z.number()),
  /** All files that the model has, where known, with size and sha-256 as its publisher names them. */
  listing: z
    .array(z.object({ name: z.string(), size: natural.nullable(), sha256: z.string().nullable() }))
    .nullable(),
  /** Files that the server was found not to have. */
  absent: z.array(z.string()),
  files: z.record(z.string(), fileSchema),
  /** The model was loaded from here whole. */
  complete: z.boolean(),
  usedAt: z.number(),
});

export type Manifest = z.infer<typeof schema>;
export type ManifestFile = Omit<z.infer<typeof fileSchema>, 'ranges'> & { ranges: Range[] };
export type Listing = NonNullable<Manifest['listing']>;

export const MANIFEST_NAME = 'manifest.json';

/** Null where the text is no manifest of this version: the folder counts as empty then. */
export function parseManifest(text: string): Manifest | null {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The file is all there. */
export function isWhole({ size, ranges }: Pick<ManifestFile, 'size' | 'ranges'>): boolean {
  if (size === null) return false;
  return size === 0 || (ranges.length === 1 && ranges[0][0] === 0 && ranges[0][1] >= size);
}
