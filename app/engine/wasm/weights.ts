/** @file A model's weights in WebAssembly's memory: matrices as they are stored, vectors as floats. */
import { EngineMemoryError } from '../errors';
import type { HostTensor, ModelSpec, NormSpec, WeightStream } from '../spec';
import { storedBytes, storedRowBytes, widened } from '../weightStream';
import type { Heap } from './heap';
import type { StoredMatrix } from './shapes';

export interface Linear {
  weight: StoredMatrix;
  /** Address of the bias, or 0. */
  bias: number;
}

/** Addresses; 0 for what there is not. */
export interface NormWeights {
  weight: number;
  bias: number;
}

export interface LayerWeights {
  attentionNorm: NormWeights;
  qkv: Linear;
  queryNorm: number;
  keyNorm: number;
  out: Linear;
  attentionPostNorm: NormWeights | null;
  mlpNorm: NormWeights;
  mlpIn: Linear;
  mlpOut: Linear;
  mlpPostNorm: NormWeights | null;
}

export interface WasmWeights {
  embedding: StoredMatrix;
  positions: StoredMatrix | null;
  layers: LayerWeights[];
  finalNorm: NormWeights;
  head: Linear;
  /** In all. */
  bytes: number;
  free(): void;
}

/**
 * Takes the weights from the stream.
 * @throws Error naming a weight that is missing; EngineMemoryError; whatever the stream throws. Nothing stays allocated then.
 */
export async function placeWeights(spec: ModelSpec, stream: WeightStream, heap: Heap): Promise<WasmWeights> {
  const blocks: number[] = [];
  let bytes = 0;
  const allocate = (size: number) => {
    const at = heap.allocate(size);
    blocks.push(at);
    bytes += size;
    return at;
  };
  const free = () => {
    for (const block of blocks.splice(0)) heap.free(block);
  };
  try {
    const matrices = new Map<string, StoredMatrix>();
    /** Vectors are few numbers: gathered as stored, widened when all are there. */
    const vectors = new Map<string, HostTensor>();
    for (const [name, { dtype, shape }] of stream.shapes) {
      const size = storedBytes({ dtype, shape });
      if (shape.length === 1) vectors.set(name, { dtype, shape, data: new Uint8Array(size) });
      else matrices.set(name, { at: allocate(size), type: dtype, rows: shape[0], columns: shape[1] });
    }
    await stream.deliver((name, offset, piece) => {
      const vector = vectors.get(name);
      if (vector) vector.data.set(piece, offset);
      else heap.bytes.set(piece, (matrices.get(name)?.at ?? 0) + offset);
    });
    const placeVector = (name: string, added = 0): number => {
      const vector = vectors.get(name);
      if (!vector) return 0;
      const values = widened(vector);
      const at = allocate(values.byteLength);
      heap.floats.set(added === 0 ? values : values.map((value) => value + added), at / 4);
      return at;
    };
    return { ...assemble(spec, matrices, placeVector), bytes, free };
  } catch (error) {
    free();
    if (!(error instanceof EngineMemoryError)) throw error;
    const all = [...stream.shapes.values()].reduce((sum, shape) => sum + storedBytes(shape), 0);
    throw new EngineMemoryError(
      `The model’s weights take ${Math.ceil(all / 1e6).toLocaleString('en')} MB of memory, more than this browser gives the page. Choose a smaller model, or close other pages.`,
      { cause: error },
    );
  }
}

function assemble(
  spec: ModelSpec,
  matrices: ReadonlyMap<string, StoredMatrix>,
  placeVector: (name: string, added?: number) => number,
): Omit<WasmWeights, 'bytes' | 'free'> {
  const lacks = (name: string) => new Error(`The model's weights lack “${name}”.`);
  const matrix = (name: string): StoredMatrix => {
    const found = matrices.get(name);
    if (!found) throw lacks(name);
    return found;
  };
  const linear = (name: string): Linear => ({
    weight: matrix(`${name}.weight`),
    bias: placeVector(`${name}.bias`),
  });
  const normWeight = (name: string, { weightOffset }: NormSpec) =>
    placeVector(`${name}.weight`, weightOffset);
  const optionalNorm = (name: string): NormWeights | null => {
    const weight = normWeight(name, spec.norm);
    return weight ? { weight, bias: placeVector(`${name}.bias`) } : null;
  };
  const norm = (name: string): NormWeights => {
    const found = optionalNorm(name);
    if (!found) throw lacks(`${name}.weight`);
    return found;
  };
  const headNorm = (name: string) => (spec.queryKeyNorm ? normWeight(name, spec.queryKeyNorm) : 0);
  const embedding = matrix('embed.tokens');
  return {
    embedding,
    positions: matrices.get('embed.positions') ?? null,
    layers: spec.layers.map((_, i) => ({
      attentionNorm: norm(`layers.${i}.attention.norm`),
      qkv: linear(`layers.${i}.attention.qkv`),
      queryNorm: headNorm(`layers.${i}.attention.queryNorm`),
      keyNorm: headNorm(`layers.${i}.attention.keyNorm`),
      out: linear(`layers.${i}.attention.out`),
      attentionPostNorm: optionalNorm(`layers.${i}.attention.postNorm`),
      mlpNorm: norm(`layers.${i}.mlp.norm`),
      mlpIn: linear(`layers.${i}.mlp.in`),
      mlpOut: linear(`layers.${i}.mlp.out`),
      mlpPostNorm: optionalNorm(`layers.${i}.mlp.postNorm`),
    })),
    finalNorm: norm('final.norm'),
    head: spec.tiedHead ? { weight: embedding, bias: placeVector('head.bias') } : linear('head'),
  };
}

/** Rows `first` up to, without it, `last` of a matrix. */
export function matrixRows(matrix: StoredMatrix, first: number, last: number): StoredMatrix {
  const at = matrix.at + first * storedRowBytes(matrix.type, matrix.columns);
  return { ...matrix, at, rows: last - first };
}
