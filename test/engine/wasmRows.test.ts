/** @file The processor's kernels that work row by row (embeddings, heads' norm and rotation, moved rows, squares) against doubles. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { StoredType } from '../../app/engine/spec';
import { OpList } from '../../app/engine/wasm/ops';
import { Pool } from '../../app/engine/wasm/pool';
import { scratchBytes } from '../../app/engine/wasm/scratch';
import type { HeadsShape } from '../../app/engine/wasm/shapes';
import { nodeProcessor } from '../../tools/node/processor';
import { POISON, Random, relativeError, store, sumOf } from './webgpuHarness';

const types: StoredType[] = ['F32', 'F16', 'BF16', 'q8/32/f32', 'q4/16/f16+offset'];

describe.each(['plain', 'relaxed'] as const)('kernels by rows, with %s SIMD', (simd) => {
  const random = new Random(303);
  let pool: Pool;
  let blocks: number[] = [];
  let scratch = { scratch: 0, scratchBytes: 0 };

  beforeAll(async () => {
    pool = new Pool(await nodeProcessor({ simd, threads: 2 }));
    const each = scratchBytes(8, 8, false);
    scratch = { scratch: pool.heap.allocate(2 * each), scratchBytes: each };
  });
  afterEach(() => {
    for (const block of blocks) pool.heap.free(block);
    blocks = [];
  });
  afterAll(() => pool.dispose());

  function placeBytes(bytes: Uint8Array): number {
    const at = pool.heap.allocate(bytes.length);
    blocks.push(at);
    pool.heap.bytes.set(bytes, at);
    return at;
  }
  const place = (values: ArrayLike<number>) => placeBytes(new Uint8Array(Float32Array.from(values).buffer));
  const words = (values: ArrayLike<number>) => placeBytes(new Uint8Array(Int32Array.from(values).buffer));
  const read = (at: number, count: number) => pool.heap.floats.slice(at / 4, at / 4 + count);
  /** Poison, eight floats more than are asked for. */
  const room = (count: number) => place(new Float32Array(count + 8).fill(POISON));
  const behind = (at: number, count: number) =>
    expect([...read(at + 4 * count, 8)]).toEqual(new Array(8).fill(POISON));
  function run(record: (list: OpList) => void): void {
    const list = new OpList(pool.threads);
    record(list);
    pool.run(list, scratch);
  }

  it.each(types.flatMap((type) => types.map((positionType) => [type, positionType] as const)))(
    'embeds prompts as they are and tokens from a table in %s, with positions in %s or without',
    (type, positionType) => {
      const [rows, prefixRows, promptEnd, width, vocabulary, most] = [45, 2, 9, 13, 31, 60];
      const table = store(random.floats(vocabulary * width), type, width);
      const positionTable = store(random.floats(most * width), positionType, width);
      const prompts = random.floats((promptEnd - prefixRows) * width);
      const info = Array.from({ length: rows }, () => [
        random.below(vocabulary),
        random.below(most - 2),
        0,
        0,
      ]);
      for (const withPositions of [true, false]) {
        const out = room(rows * width);
        run((list) =>
          list.embed({
            first: prefixRows,
            last: rows,
            rowInfo: words(info.flat()),
            firstText: promptEnd,
            prompts: place(prompts),
            firstPrompt: prefixRows,
            table: { at: placeBytes(table.data), type, rows: vocabulary, columns: width },
            scale: 1.5,
            positions: withPositions
              ? { at: placeBytes(positionTable.data), type: positionType, rows: most, columns: width }
              : null,
            positionOffset: 2,
            out,
          }),
        );
        const want = Float64Array.from({ length: rows * width }, (_, at) => {
          const [r, i] = [Math.floor(at / width), at % width];
          if (r < prefixRows) return POISON;
          const own =
            r < promptEnd
              ? prompts[(r - prefixRows) * width + i]
              : 1.5 * table.values[info[r][0] * width + i];
          return own + (withPositions ? positionTable.values[(info[r][1] + 2) * width + i] : 0);
        });
        expect(relativeError(read(out, rows * width), want)).toBeLessThan(1e-7);
        // The rows of prefixes, which have none.
        expect([...read(out, prefixRows * width)]).toEqual(new Array(prefixRows * width).fill(POISON));
        behind(out, rows * width);
      }
    },
  );

  it.each(types)('sums the squares of each row of a table in %s', (type) => {
    for (const width of [1, 4, 7, 66, 700]) {
      const rows = 301;
      const table = store(random.floats(rows * width), type, width);
      const out = room(rows);
      run((list) => list.squares({ at: placeBytes(table.data), type, rows, columns: width }, 2.5, out));
      const want = Float64Array.from({ length: rows }, (_, r) =>
        sumOf(width, (i) => (2.5 * table.values[r * width + i]) ** 2),
      );
      expect(relativeError(read(out, rows), want)).toBeLessThan(1e-6);
      behind(out, rows);
    }
  });

  const kinds = [null, 'rms', 'layer'] as const;
  it.each(kinds.flatMap((kind) => [6, 8, 26].map((headDim) => [kind, headDim] as const)))(
    'turns heads by their positions, after a norm of kind %s, in heads of %i; and back',
    (kind, headDim) => {
      const heads: [number, number] = [3, 2];
      const [rows, all, most] = [37, 5, 50];
      // Rotation of part of a head, and of all of it.
      for (const dims of [headDim, headDim - 2]) {
        for (const mapped of [false, true]) {
          // Values follow queries and keys in a row, and are left alone.
          const stride = all * headDim + 3;
          const x = random.floats(rows * stride, 2);
          const gradient = random.floats(rows * stride);
          const weights = [random.floats(headDim), random.floats(headDim)];
          const info = Array.from({ length: rows }, () => [0, random.below(most), 0, 0]);
          const map = Array.from({ length: rows }, () => random.below(rows));
          const turns = Array.from({ length: most }, (_, position) => {
            const angles = Array.from({ length: dims / 2 }, (_, i) => position / 10 ** ((2 * i) / dims));
            return [...angles.map(Math.cos), ...angles.map(Math.sin)];
          });
          const at = room(rows * stride);
          pool.heap.floats.set(x, at / 4);
          const dAt = place(gradient);
          const shape: HeadsShape = {
            first: 0,
            last: rows,
            x: { at, stride },
            heads,
            headDim,
            weights: kind ? [place(weights[0]), place(weights[1])] : [0, 0],
            norm: kind ? { kind, epsilon: 1e-5, weightOffset: 0 } : null,
            raw: kind ? room(rows * stride) : 0,
            rowInfo: words(info.flat()),
            map: mapped ? words(map) : 0,
            turns: place(turns.flat()),
            dims,
          };
          run((list) => list.heads(shape));
          const found = read(at, rows * stride);
          run((list) => list.heads({ ...shape, x: { at: dAt, stride } }, true));
          const foundGradient = read(dAt, rows * stride);
          behind(at, rows * stride);

          const forward = (head: Float64Array, weight: Float32Array, position: number) => {
            const n = head.length;
            const mean = kind === 'layer' ? sumOf(n, (i) => head[i]) / n : 0;
            const spread = Math.sqrt(sumOf(n, (i) => (head[i] - mean) ** 2) / n + 1e-5);
            const y = kind ? head.map((value, i) => ((value - mean) / spread) * weight[i]) : head.slice();
            const half = dims / 2;
            const turned = y.slice();
            for (let i = 0; i < half; i++) {
              const angle = position / 10 ** ((2 * i) / dims);
              turned[i] = y[i] * Math.cos(angle) - y[i + half] * Math.sin(angle);
              turned[i + half] = y[i + half] * Math.cos(angle) + y[i] * Math.sin(angle);
            }
            return turned;
          };
          const want = Float64Array.from(x);
          const wantGradient = Float64Array.from(gradient);
          for (let r = 0; r < rows; r++) {
            const [, position] = info[mapped ? map[r] : r];
            for (let h = 0; h < all; h++) {
              const from = r * stride + h * headDim;
              const weight = weights[h < heads[0] ? 0 : 1];
              const head = Float64Array.from(x.slice(from, from + headDim));
              want.set(forward(head, weight, position), from);
              // By differences: in doubles they are right to eight places.
              for (let i = 0; i < headDim; i++) {
                const [up, down] = [head.slice(), head.slice()];
                up[i] += 1e-5;
                down[i] -= 1e-5;
                const [a, b] = [forward(up, weight, position), forward(down, weight, position)];
                wantGradient[from + i] = sumOf(headDim, (j) => (gradient[from + j] * (a[j] - b[j])) / 2e-5);
              }
            }
          }
          expect(relativeError(found, want)).toBeLessThan(1e-6);
          expect(relativeError(foundGradient, wantGradient)).toBeLessThan(2e-6);
        }
      }
    },
  );

  it('adds rows where a table says, and copies them from where it says', () => {
    const [rows, width, all] = [35, 11, 60];
    const from = random.floats(rows * width);
    const to = random.floats(all * width);
    const map = Array.from({ length: rows }, (_, r) => (r * 17) % all);
    const [sums, copies] = [place(to), room(rows * (width + 2))];
    run((list) => {
      list.addRows(3, rows, width, place(from), sums, words(map));
      list.copyRows(
        0,
        rows,
        width,
        { at: place(to), stride: width },
        { at: copies, stride: width + 2 },
        words(map),
      );
    });
    const want = Float64Array.from(to);
    for (let r = 3; r < rows; r++) {
      for (let i = 0; i < width; i++) want[map[r] * width + i] += from[r * width + i];
    }
    expect(relativeError(read(sums, all * width), want)).toBeLessThan(1e-7);
    const found = read(copies, rows * (width + 2));
    for (let r = 0; r < rows; r++) {
      const row = [...found.slice(r * (width + 2), (r + 1) * (width + 2))];
      expect(row).toEqual([...to.slice(map[r] * width, (map[r] + 1) * width), POISON, POISON]);
    }
  });
});
