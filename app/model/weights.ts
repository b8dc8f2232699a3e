/**
 * @file Canonical weights out of a checkpoint's files, brought to `[out, in]` in canonical row order while the files
 * are read from start to end. Memory: a few chunks, and one tensor at a time of those that are stored transposed.
 */
import { isQuantised, regroupRows } from '../engine/quantised';
import type { WeightSink, WeightStream, WeightType } from '../engine/spec';
import { storedBytes, storedRowBytes, widened } from '../engine/weightStream';
import { qkvBlock, transposeColumns } from './arrange';
import { weightTypeBytes } from './dtype';
import { ModelError } from './errors';
import type { RunningHash } from './hash';
import { blockBytes, type Placement, type ReadingPlan, type TensorReading } from './readingPlan';
import { CHUNK_BYTES, type SourceFile, type StreamOptions } from './source';

export interface ReadOptions extends StreamOptions {
  /** Called when the reading of a file begins. */
  onFile?: (name: string) => void;
  /** Fed with the stored bytes of these tensors, by their names in the checkpoint. */
  hashes?: ReadonlyMap<string, RunningHash>;
}

/** The weights of a plan as a stream that can be delivered once for each time the files can be read. */
export function weightsOf(
  plan: ReadingPlan,
  files: ReadonlyMap<string, SourceFile>,
  options: ReadOptions = {},
): WeightStream {
  return {
    shapes: plan.shapes,
    async deliver(sink) {
      const delivery = new Delivery(plan, sink, options);
      for (const [name, readings] of plan.files) {
        const file = files.get(name);
        if (!file) throw new Error(`“${name}” was not opened.`);
        options.onFile?.(name);
        await delivery.read(file, name, readings);
      }
    },
  };
}

class Delivery {
  /** A tensor's bytes until there are enough to hand on. As large as the largest tensor stored transposed, and kept for the next. */
  private stage = new Uint8Array(0);
  /** Some columns of such a tensor as rows. */
  private strip = new Uint8Array(0);
  private readonly assembled = new Map<string, { bytes: Uint8Array; missing: number }>();

  constructor(
    private readonly plan: ReadingPlan,
    private readonly sink: WeightSink,
    private readonly options: ReadOptions,
  ) {}

  async read(file: SourceFile, name: string, readings: readonly TensorReading[]): Promise<void> {
    let at = 0;
    let next = 0;
    for await (const chunk of file.stream(this.options)) {
      const end = at + chunk.byteLength;
      while (next < readings.length && readings[next].begin < end) {
        const reading = readings[next];
        const from = Math.max(reading.begin, at);
        const to = Math.min(reading.end, end);
        await this.take(reading, from - reading.begin, chunk.subarray(from - at, to - at));
        if (reading.end > end) break;
        next++;
      }
      at = end;
    }
    const last = readings.at(-1);
    if (last && at < last.end) {
      throw new ModelError(
        'truncated',
        `${name} is truncated: its header describes ${last.end} bytes, the file has ${at}.`,
        'Download the file again; it must be the whole model.safetensors of the model.',
      );
    }
  }

  /** Takes the next bytes of a tensor. */
  private async take(reading: TensorReading, offset: number, bytes: Uint8Array): Promise<void> {
    this.options.hashes?.get(reading.tensor)?.update(bytes);
    const length = reading.end - reading.begin;
    const block = pieceBytes(reading, length);
    if (this.stage.byteLength < Math.min(block, length)) {
      this.stage = new Uint8Array(Math.max(Math.min(block, length), Math.min(CHUNK_BYTES, block)));
    }
    for (let taken = 0; taken < bytes.byteLength; ) {
      const staged = (offset + taken) % block;
      const pieceStart = offset + taken - staged;
      const piece = Math.min(block, length - pieceStart);
      const count = Math.min(piece - staged, bytes.byteLength - taken);
      this.stage.set(bytes.subarray(taken, taken + count), staged);
      taken += count;
      if (staged + count < piece) return;
      const whole = this.stage.subarray(0, piece);
      for (const placement of reading.placements) await this.place(placement, pieceStart, whole);
    }
  }

  /** Puts a piece of a tensor where it belongs: the whole tensor, a block of it, or a stretch that keeps its order. */
  private async place(placement: Placement, at: number, stored: Uint8Array): Promise<void> {
    const { part, to } = placement;
    if (part.layout === 'transposed') return this.placeTransposed(placement, stored);
    const widened = brought(placement, stored);
    const widening = bytesRatio(placement);
    if (part.layout === 'stored')
      return this.put(placement.weight, placement.offset + Math.round(at * widening), widened);
    const block = blockBytes(part, to);
    const heads = part.layout.qkvByHead;
    for (let within = 0; within < widened.byteLength; ) {
      const start = at * widening + within;
      const index = Math.floor(start / block);
      const inBlock = start - index * block;
      const count = Math.min(block - inBlock, widened.byteLength - within);
      const target = placement.offset + qkvBlock(index, heads) * block + inBlock;
      await this.put(placement.weight, target, widened.subarray(within, within + count));
      within += count;
    }
  }

  private async placeTransposed(placement: Placement, stored: Uint8Array): Promise<void> {
    const { part } = placement;
    const from = placement.from as WeightType;
    const [rows, columns] = part.shape;
    const widening = bytesRatio(placement);
    const rowBytes = rows * weightTypeBytes[from];
    // An even number of rows is a multiple of 4 bytes, whatever the type.
    const most = Math.max(2, Math.floor(CHUNK_BYTES / rowBytes / 2) * 2);
    const stripBytes = Math.min(most, columns) * rowBytes;
    if (this.strip.byteLength < stripBytes) this.strip = new Uint8Array(stripBytes);
    for (let first = 0; first < columns; first += most) {
      const count = Math.min(most, columns - first);
      transposeColumns(stored, this.strip, from, [rows, columns], first, count);
      const strip = { ...placement, part: { ...part, shape: [count, rows] } };
      const widened = brought(strip, this.strip.subarray(0, count * rowBytes));
      await this.put(placement.weight, placement.offset + first * rowBytes * widening, widened);
    }
  }

  private async put(weight: string, offset: number, bytes: Uint8Array): Promise<void> {
    if (!this.plan.assembled.has(weight)) {
      await this.sink(weight, offset, bytes);
      return;
    }
    const shape = this.plan.shapes.get(weight);
    if (!shape) throw new Error(`“${weight}” has no shape.`);
    let whole = this.assembled.get(weight);
    if (!whole) {
      const size = storedBytes(shape);
      whole = { bytes: new Uint8Array(size), missing: size };
      this.assembled.set(weight, whole);
    }
    whole.bytes.set(bytes, offset);
    whole.missing -= bytes.byteLength;
    if (whole.missing > 0) return;
    this.assembled.delete(weight);
    await this.sink(weight, 0, whole.bytes);
  }
}

/** Bytes of a tensor that are handed on together: all of it where rows become columns, whole rows of codes. */
function pieceBytes({ placements }: TensorReading, length: number): number {
  if (placements.some(({ part }) => part.layout === 'transposed')) return Math.max(4, length);
  const { from, part } = placements[0];
  if (!isQuantised(from)) return CHUNK_BYTES;
  const rowBytes = storedRowBytes(from, part.shape[1]);
  return Math.max(1, Math.floor(CHUNK_BYTES / rowBytes)) * rowBytes;
}

/** Bytes in the weight for a byte of the tensor. */
function bytesRatio({ from, to, part }: Placement): number {
  const width = part.shape[part.shape.length - 1];
  return storedRowBytes(to, width) / storedRowBytes(from, width);
}

/** Stored elements in the weight's type. */
function brought({ from, to, part }: Placement, stored: Uint8Array): Uint8Array {
  if (from === to) return stored;
  if (isQuantised(from) && isQuantised(to)) return regroupRows(stored, from, to, part.shape[1]);
  const values = widened({ dtype: from, shape: part.shape, data: stored });
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
