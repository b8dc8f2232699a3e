/**
 * @file What a model family consists of: a reading of its configuration as a `ModelSpec`, and where in a
 * checkpoint each canonical weight comes from. Nothing here touches weight bytes.
 */
import { z } from 'zod';
import type { Activation, LayerSpec, ModelSpec, WeightType } from '../../engine/spec';
import { readable } from '../../formats/readable';
import { schemaFault } from '../../formats/words';
import { ModelError } from '../errors';

/**
 * How a part becomes `[out, in]` with rows in canonical order.
 * - `stored`: as it lies.
 * - `transposed`: stored `[in, out]` (GPT-2's Conv1D).
 * - `qkvByHead`: rows ordered `[head][query, key, value][headDim]` (GPT-NeoX), to become `[query, key, value][head][headDim]`.
 */
export type PartLayout = 'stored' | 'transposed' | { qkvByHead: number };

/** One tensor of a checkpoint, or a share in a canonical weight. */
export interface TensorPart {
  /** Name in the checkpoint. */
  name: string;
  /** Shape in the checkpoint. */
  shape: number[];
  layout: PartLayout;
}

/** A canonical weight and the parts it is made of, one below the other. */
export interface WeightSource {
  name: string;
  shape: number[];
  parts: TensorPart[];
}

/** What stands before a checkpoint's names: of the decoder's tensors, and of the head's. */
export interface NamePrefix {
  body: string;
  head: string;
  /** Name of the head, without prefix, where it is not the family's usual one: taken where the checkpoint has it. */
  headName?: string;
}

export interface Family {
  /** Prefixes seen on the Hub, the usual one first. */
  prefixes: readonly NamePrefix[];
  /** The embedding table's name, without prefix: what tells which prefix a checkpoint uses. */
  embedding: string;
  /**
   * @param config Content of config.json.
   * @param stored Type of the embedding table.
   * @throws ModelError `malformed` on an impossible configuration, `unsupported` on a variant the engines lack.
   */
  read(config: unknown, stored: WeightType): { spec: ModelSpec; sources(prefix: NamePrefix): WeightSource[] };
}

/** Layers a model may have. The deepest that anyone trains are a tenth of it. */
export const MOST_LAYERS = 4096;
/** Above every vocabulary and context length there is, and below what would make lists that no memory holds. */
const count = z
  .number()
  .int()
  .positive()
  .max(2 ** 27);
const width = z
  .number()
  .int()
  .positive()
  .max(2 ** 20);

/** Fields that mean the same in every configuration. */
export const field = {
  count,
  countOrNull: count.nullish(),
  layers: z.number().int().positive().max(MOST_LAYERS),
  /** Of a hidden state, an MLP or a head. */
  width,
  widthOrNull: width.nullish(),
  positive: z.number().positive(),
  /** Of something, at most all of it. */
  share: z.number().positive().max(1),
  flag: z.boolean(),
};

/** @throws ModelError naming the first field that is missing or cannot be. */
export function parseConfig<T>(schema: z.ZodType<T>, config: unknown): T {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  throw new ModelError(
    'malformed',
    `config.json: ${schemaFault(parsed.error, config)}.`,
    'Take config.json from the model itself, unchanged.',
  );
}

/** A variant of a known family that the engines cannot run. */
export function unsupported(message: string): ModelError {
  return new ModelError(
    'unsupported',
    `config.json: ${message}`,
    'Choose another model, or another variant of this one.',
  );
}

const activations: Record<string, Activation> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'geluTanh',
  gelu_fast: 'geluTanh',
  gelu_accurate: 'geluTanh',
  gelu_python_tanh: 'geluTanh',
  gelu_pytorch_tanh: 'geluTanh',
  silu: 'silu',
  swish: 'silu',
  relu: 'relu',
};

export function readActivation(name: string): Activation {
  if (Object.hasOwn(activations, name)) return activations[name];
  throw unsupported(
    `activation "${readable(name, 80)}" is not one of ${Object.keys(activations).join(', ')}.`,
  );
}

/** @throws ModelError when the head count does not divide what it should. */
export function checkHeads(
  hidden: number,
  heads: number,
  kvHeads: number,
  headDim: number | undefined,
): number {
  if (heads % kvHeads !== 0) {
    throw new ModelError(
      'malformed',
      `config.json: ${heads} attention heads cannot share ${kvHeads} key/value heads evenly.`,
      'Take config.json from the model itself, unchanged.',
    );
  }
  if (headDim === undefined && hidden % heads !== 0) {
    throw new ModelError(
      'malformed',
      `config.json: a hidden size of ${hidden} does not divide into ${heads} heads.`,
      'Take config.json from the model itself, unchanged.',
    );
  }
  return headDim ?? hidden / heads;
}

/** Layers that differ in nothing. */
export function equalLayers(layers: number, layer: LayerSpec): LayerSpec[] {
  return Array.from({ length: layers }, () => ({ ...layer }));
}

/** One tensor, as stored. */
export function stored(name: string, from: string, shape: number[]): WeightSource {
  return { name, shape, parts: [{ name: from, shape, layout: 'stored' }] };
}

/** A layer's weight and, unless it has none, its bias, as stored. */
export function storedWithBias(name: string, from: string, shape: number[], bias = true): WeightSource[] {
  const weight = stored(`${name}.weight`, `${from}.weight`, shape);
  return bias ? [weight, stored(`${name}.bias`, `${from}.bias`, [shape[0]])] : [weight];
}

/** One tensor stored `[in, out]`. */
export function transposed(name: string, from: string, shape: [number, number]): WeightSource {
  return { name, shape, parts: [{ name: from, shape: [shape[1], shape[0]], layout: 'transposed' }] };
}

/** Tensors one below the other, each with its number of rows; `columns` null for vectors. */
export function stacked(
  name: string,
  parts: [from: string, rows: number][],
  columns: number | null,
): WeightSource {
  const shaped = (rows: number) => (columns === null ? [rows] : [rows, columns]);
  return {
    name,
    shape: shaped(parts.reduce((rows, [, n]) => rows + n, 0)),
    parts: parts.map(([from, rows]) => ({ name: from, shape: shaped(rows), layout: 'stored' })),
  };
}

/** Linear layers one below the other, each with its number of outputs, and their biases unless they have none. */
export function stackedWithBias(
  name: string,
  layers: [from: string, rows: number][],
  columns: number,
  bias = true,
): WeightSource[] {
  const part = (kind: string) => layers.map(([from, rows]): [string, number] => [`${from}.${kind}`, rows]);
  const weight = stacked(`${name}.weight`, part('weight'), columns);
  return bias ? [weight, stacked(`${name}.bias`, part('bias'), null)] : [weight];
}
