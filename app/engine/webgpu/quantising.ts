/**
 * @file Floats as 8-bit codes, made from stored weights as they stream in: groups of 32, the scale the group's largest magnitude / 127. So 32
 * numbers take 36 bytes. What is stored as codes already stays as it is.
 */
import { toFloat32 } from '../../formats/floats';
import {
  emptyRow,
  type Grouping,
  groupingOf,
  packRow,
  quantiseMatrix,
  quantiseRow,
  rowLayout,
} from '../quantised';
import type { HostTensor, ModelWeights, QuantisedType, WeightShape, WeightType } from '../spec';
import { storedElementBytes, widened } from '../weightStream';

/** What floats become where 8 bits are asked for. */
export const INT8: QuantisedType = 'q8/32/f32';

/** Whether a weight becomes 8-bit: the matrices of the layers, the embedding table and the head. Norms, biases and positions stay. */
export function becomesInt8(name: string, { dtype, shape }: WeightShape): boolean {
  return shape.length === 2 && name !== 'embed.positions' && groupingOf(dtype) === null;
}

/** Takes rows in the order in which they become whole: bytes from byte `at` on, reused after the call. */
export type RowSink = (at: number, bytes: Uint8Array<ArrayBuffer>) => void;

/** A row that came in pieces. */
interface Partial {
  values: Float32Array;
  missing: number;
}

/** Quantises one matrix whose bytes come in pieces, in any order. */
export class QuantisingWriter {
  private readonly grouping = groupingOf(INT8) as Grouping;
  private readonly rowBytes: number;
  private readonly partial = new Map<number, Partial>();

  /** @param width of the matrix's rows, stored as `dtype` */
  constructor(
    private readonly width: number,
    private readonly dtype: WeightType,
    private readonly sink: RowSink,
  ) {
    this.rowBytes = rowLayout(this.grouping, width).bytes;
  }

  /** @param offset bytes from the matrix's start, a multiple of an element's size */
  push(offset: number, bytes: Uint8Array): void {
    const { grouping, width, rowBytes } = this;
    const size = storedElementBytes(this.dtype);
    const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
    const values = toFloat32({ dtype: this.dtype, data: aligned });
    const made = new Uint8Array(Math.ceil(values.length / width + 1) * rowBytes);
    const view = new DataView(made.buffer);
    const row = emptyRow(grouping, width);
    let ready = 0;
    let readyAt = 0;
    const flush = () => {
      if (ready > 0) this.sink(readyAt * rowBytes, made.subarray(0, ready * rowBytes));
      ready = 0;
    };
    for (let at = 0; at < values.length; ) {
      const element = offset / size + at;
      const index = Math.floor(element / width);
      const within = element - index * width;
      const take = Math.min(width - within, values.length - at);
      const piece = values.subarray(at, at + take);
      at += take;
      const whole = take === width ? piece : this.complete(index, within, piece);
      if (!whole) continue;
      if (ready > 0 && readyAt + ready !== index) flush();
      if (ready === 0) readyAt = index;
      quantiseRow(grouping, whole, row);
      packRow(grouping, width, row, view, ready * rowBytes);
      ready++;
    }
    flush();
  }

  /** Adds a piece to a row; the row's numbers once they are all there. */
  private complete(index: number, within: number, piece: Float32Array): Float32Array | null {
    const row = this.partial.get(index) ?? { values: new Float32Array(this.width), missing: this.width };
    row.values.set(piece, within);
    row.missing -= piece.length;
    if (row.missing > 0) {
      this.partial.set(index, row);
      return null;
    }
    this.partial.delete(index);
    return row.values;
  }
}

/** Weights whose numbers are exactly what their 8-bit form stands for: what an engine that holds them so computes with. */
export function roundedToInt8(weights: ModelWeights): ModelWeights {
  const round = (name: string, tensor: HostTensor): HostTensor =>
    becomesInt8(name, tensor) ? quantiseMatrix(INT8, widened(tensor), tensor.shape[1]) : tensor;
  return new Map([...weights].map(([name, tensor]) => [name, round(name, tensor)]));
}
