/** @file The processor's kernels one by one against sums in double precision: odd sizes, ragged rows, outputs poisoned first. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activation, NormSpec, StoredType } from '../../app/engine/spec';
import { OpList } from '../../app/engine/wasm/ops';
import { Pool } from '../../app/engine/wasm/pool';
import { scratchBytes } from '../../app/engine/wasm/scratch';
import { nodeProcessor } from '../../tools/node/processor';
import { POISON, Random, relativeError, store, sumOf } from './webgpuHarness';

const random = new Random(101);
const levels = ['plain', 'relaxed'] as const;

describe.each(levels)('the processor’s kernels with %s SIMD', (simd) => {
  let pool: Pool;
  let scratch: { scratch: number; scratchBytes: number };
  /** Blocks of the present test. */
  let blocks: number[] = [];

  beforeAll(async () => {
    pool = new Pool(await nodeProcessor({ simd, threads: 2 }));
    const each = scratchBytes(64, 512, true);
    scratch = { scratch: pool.heap.allocate(2 * each), scratchBytes: each };
  });
  afterAll(() => pool.dispose());

  /** A place for values; floats behind them are poison too, and must stay so. */
  function place(values: ArrayLike<number> & { byteLength?: number }, spare = 0): number {
    const at = pool.heap.allocate(4 * (values.length + spare));
    blocks.push(at);
    pool.heap.floats.set(values, at / 4);
    pool.heap.floats.fill(POISON, at / 4 + values.length, at / 4 + values.length + spare);
    return at;
  }

  function placeBytes(bytes: Uint8Array): number {
    const at = pool.heap.allocate(bytes.length);
    blocks.push(at);
    pool.heap.bytes.set(bytes, at);
    return at;
  }

  function placeWords(values: number[]): number {
    const at = place(new Float32Array(values.length));
    pool.heap.words.set(values, at / 4);
    return at;
  }

  /** Room for `count` floats and eight behind them, all poison. */
  const room = (count: number) => place(new Float32Array(0), count + 8);

  const read = (at: number, count: number) => pool.heap.floats.slice(at / 4, at / 4 + count);

  /** Runs one record; then what was behind each output must be as before. */
  function run(record: (list: OpList) => void, outputs: [at: number, count: number][]): void {
    const list = new OpList(pool.threads);
    record(list);
    pool.run(list, scratch);
    for (const [at, count] of outputs) {
      expect([...read(at + 4 * count, 8)]).toEqual(new Array(8).fill(POISON));
      expect(read(at, count).some(Number.isNaN)).toBe(false);
    }
    for (const block of blocks) pool.heap.free(block);
    blocks = [];
  }

  const types: StoredType[] = [
    'F32',
    'F16',
    'BF16',
    'q8/32/f16',
    'q8/16/f32+offset',
    'q4/32/f16+offset',
    'q4/64/f32',
  ];
  const shapes: [rows: number, outer: number, inner: number][] = [
    [1, 1, 1],
    [3, 65, 17],
    [5, 7, 3],
    [6, 8, 4],
    [7, 9, 5],
    [13, 70, 391],
    [101, 37, 800],
    [230, 130, 29],
  ];

  describe.each(types)('a product with a weight in %s', (type) => {
    it.each(shapes)('of %i rows, %i × %i, is right either way', (rows, outer, inner) => {
      const weight = store(random.floats(outer * inner), type, inner);
      for (const form of ['NT', 'NN'] as const) {
        const [columns, depth] = form === 'NT' ? [outer, inner] : [inner, outer];
        const a = random.floats(rows * depth);
        const bias = random.floats(columns);
        const add = random.floats(rows * columns);
        const at = (r: number, c: number, of: (term: number) => number = (term) => term) =>
          of(bias[c]) +
          of(add[r * columns + c]) +
          sumOf(depth, (k) => {
            const w = form === 'NT' ? weight.values[c * inner + k] : weight.values[k * inner + c];
            return of(a[r * depth + k] * w);
          });
        const out = room(rows * columns);
        let found = new Float32Array(0);
        run(
          (list) => {
            list.matmul({
              form,
              rows,
              weight: { at: placeBytes(weight.data), type, rows: outer, columns: inner },
              a: { at: place(a), stride: depth },
              c: { at: out, stride: columns },
              bias: place(bias),
              add: { at: place(add), stride: columns },
            });
          },
          [[out, rows * columns]],
        );
        found = read(out, rows * columns);
        const every = (of?: (term: number) => number) =>
          Float64Array.from({ length: rows * columns }, (_, i) =>
            at(Math.floor(i / columns), i % columns, of),
          );
        // One product, a bias and a sum can cancel, and then what they cancel to says nothing of the kernel.
        const size = depth === 1 ? every(Math.abs) : every();
        expect(relativeError(found, every(), size)).toBeLessThan(1e-6);
      }
    });
  });

  it('a product takes its rows from where tables say, and puts them there', () => {
    const [rows, outer, inner] = [9, 21, 13];
    const weight = random.floats(outer * inner);
    const a = random.floats(20 * inner);
    const aRows = [3, 19, 0, 7, 8, 2, 11, 12, 5];
    const cRows = [1, 0, 4, 9, 8, 3, 13, 6, 2];
    const out = room(14 * outer);
    run(
      (list) =>
        list.matmul({
          form: 'NT',
          rows,
          weight: { at: place(weight), type: 'F32', rows: outer, columns: inner },
          a: { at: place(a), stride: inner },
          c: { at: out, stride: outer },
          aMap: placeWords(aRows),
          cMap: placeWords(cRows),
        }),
      [[out, 14 * outer]],
    );
    const found = read(out, 14 * outer);
    for (let r = 0; r < 14; r++) {
      const from = cRows.indexOf(r);
      const row = found.slice(r * outer, (r + 1) * outer);
      const want = Float64Array.from({ length: outer }, (_, c) =>
        from < 0 ? POISON : sumOf(inner, (k) => a[aRows[from] * inner + k] * weight[c * inner + k]),
      );
      expect(relativeError(row, want)).toBeLessThan(1e-6);
    }
  });

  const kinds: NormSpec['kind'][] = ['layer', 'rms'];
  it.each(kinds.flatMap((kind) => [1, 6, 31, 64, 193].map((width) => [kind, width] as const)))(
    'a %s norm of %i numbers and its gradient',
    (kind, width) => {
      const rows = 19;
      const spec: NormSpec = { kind, epsilon: 1e-5, weightOffset: 0 };
      const x = random.floats(rows * width, 2).map((value) => value + 3);
      const [weight, bias, add, dy] = [width, width, rows * width, rows * width].map((n) => random.floats(n));
      const [y, dx, stats] = [room(rows * width), room(rows * width), room(2 * rows)];
      run(
        (list) => {
          const common = { spec, first: 0, last: rows, width, x: place(x), weight: place(weight), stats };
          const added = place(add);
          list.norm({ ...common, bias: place(bias), add: added, y });
          list.normBackward({ ...common, dy: place(dy), add: added, dx });
        },
        [
          [y, rows * width],
          [dx, rows * width],
          [stats, 2 * rows],
        ],
      );
      const wantY = new Float64Array(rows * width);
      const wantDx = new Float64Array(rows * width);
      for (let r = 0; r < rows; r++) {
        const at = (i: number) => x[r * width + i];
        const mean = kind === 'layer' ? sumOf(width, at) / width : 0;
        const s = 1 / Math.sqrt(sumOf(width, (i) => (at(i) - mean) ** 2) / width + 1e-5);
        const hat = (i: number) => (at(i) - mean) * s;
        const g = (i: number) => dy[r * width + i] * weight[i];
        const along = sumOf(width, (i) => g(i) * hat(i)) / width;
        const middle = kind === 'layer' ? sumOf(width, g) / width : 0;
        for (let i = 0; i < width; i++) {
          wantY[r * width + i] = hat(i) * weight[i] + bias[i] + add[r * width + i];
          wantDx[r * width + i] = add[r * width + i] + s * (g(i) - hat(i) * along - middle);
        }
      }
      expect(relativeError(read(y, rows * width), wantY)).toBeLessThan(2e-6);
      expect(relativeError(read(dx, rows * width), wantDx)).toBeLessThan(2e-6);
    },
  );

  const activations: Record<Activation, (x: number) => number> = {
    relu: (x) => Math.max(0, x),
    silu: (x) => x / (1 + Math.exp(-x)),
    geluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
    gelu: (x) => x * normal(x),
  };

  it.each(Object.keys(activations) as Activation[])('%s and its slope, plain and gated', (kind) => {
    const f = activations[kind];
    // No kink of ReLU is near.
    const slope = (x: number) => (f(x + 1e-5) - f(x - 1e-5)) / 2e-5;
    for (const gated of [false, true]) {
      const [rows, width] = [21, 37];
      const stride = gated ? 2 * width : width;
      const x = random.floats(rows * stride, 3).map((value, i) => (i % 11 === 0 ? 9 * value : value) + 1e-3);
      const dy = random.floats(rows * width);
      const [y, dx] = [room(rows * width), room(rows * stride)];
      run(
        (list) => {
          const from = place(x);
          list.activation(kind, gated, rows, width, from, y);
          list.activationBackward(kind, gated, rows, width, from, place(dy), dx);
        },
        [
          [y, rows * width],
          [dx, rows * stride],
        ],
      );
      const foundY = read(y, rows * width);
      const foundDx = read(dx, rows * stride);
      for (let r = 0; r < rows; r++) {
        for (let i = 0; i < width; i++) {
          const gate = x[r * stride + i];
          const up = gated ? x[r * stride + width + i] : 1;
          const g = dy[r * width + i];
          // Where two large parts nearly cancel, it is their rounding that counts.
          const parts = 1 + Math.abs(gate * up * g);
          const near = (found: number, want: number) =>
            expect(Math.abs(found - want)).toBeLessThan(1e-6 * parts + 2e-6 * Math.abs(want));
          near(foundY[r * width + i], f(gate) * up);
          near(foundDx[r * stride + i], slope(gate) * up * g);
          if (gated) near(foundDx[r * stride + width + i], f(gate) * g);
        }
      }
    }
  });

  it.each([
    [5, null],
    [131, null],
    [1030, 7.5],
  ])('losses over %i tokens with softcap %s, and their gradient', (vocabulary, softcap) => {
    const slots = 5;
    const z = random.floats(slots * vocabulary, 4);
    const targets = [0, 1, 1, 2, 4, 0].map((slot) => ({ slot, token: random.below(vocabulary) }));
    targets.sort((a, b) => a.slot - b.slot);
    const weights = random.floats(slots).map(Math.abs);
    const table = Array.from({ length: slots }, (_, slot) => {
      const first = targets.findIndex((target) => target.slot === slot);
      const count = targets.filter((target) => target.slot === slot).length;
      return [Math.max(0, first), count, new Uint32Array(weights.slice(slot, slot + 1).buffer)[0], 0];
    });
    const [logits, scores] = [room(z.length), room(3 * targets.length)];
    pool.heap.floats.set(z, logits / 4);
    run(
      (list) =>
        list.losses({
          slots,
          vocabulary,
          logits,
          firstSlot: 0,
          slotTargets: placeWords(table.flat()),
          targets: placeWords(targets.flatMap(({ token }) => [token, 0])),
          scores,
          softcap,
          gradient: true,
        }),
      [
        [logits, z.length],
        [scores, 3 * targets.length],
      ],
    );
    const cap = (value: number) => (softcap === null ? value : softcap * Math.tanh(value / softcap));
    const want = new Float64Array(z.length);
    const [gradient, found] = [read(logits, z.length), read(scores, 3 * targets.length)];
    for (let slot = 0; slot < slots; slot++) {
      const row = Float64Array.from(z.slice(slot * vocabulary, (slot + 1) * vocabulary), cap);
      const top = Math.max(...row);
      const total = row.reduce((sum, value) => sum + Math.exp(value - top), 0);
      targets.forEach((target, label) => {
        if (target.slot !== slot) return;
        const [sum, distance, hit] = found.slice(3 * label);
        expect(Math.log(sum) + distance).toBeCloseTo(Math.log(total) + top - row[target.token], 5);
        expect(hit).toBe(row[target.token] === top ? 1 : 0);
        row.forEach((value, token) => {
          const slope = softcap === null ? 1 : 1 - (value / softcap) ** 2;
          const p = Math.exp(value - top) / total - (token === target.token ? 1 : 0);
          want[slot * vocabulary + token] += weights[slot] * p * slope;
        });
      });
    }
    expect(relativeError(gradient, want)).toBeLessThan(3e-6);
  });

  it('widens every half float and bfloat16 exactly', () => {
    for (const type of ['F16', 'BF16'] as const) {
      const bits = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((half) => {
        const exponent = type === 'F16' ? (half >> 10) & 31 : (half >> 7) & 255;
        return exponent !== (type === 'F16' ? 31 : 255);
      });
      const out = room(bits.length);
      run(
        (list) =>
          list.matmul({
            form: 'NN',
            rows: 1,
            weight: { at: placeBytes(new Uint8Array(bits.buffer)), type, rows: 1, columns: bits.length },
            a: { at: place([1]), stride: 1 },
            c: { at: out, stride: bits.length },
          }),
        [[out, bits.length]],
      );
      const value = (half: number) => {
        if (type === 'BF16') return new Float32Array(Uint32Array.of(half << 16).buffer)[0];
        const exponent = (half >> 10) & 31;
        const fraction = half & 1023;
        const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
        return half & 0x8000 ? -magnitude : magnitude;
      };
      const found = read(out, bits.length);
      // The sum that a product starts with turns −0 to 0.
      expect(bits.every((half, i) => found[i] === value(half))).toBe(true);
    }
  });

  it('finds the nearest rows of a table, whatever their number', () => {
    const [rows, k, vectors] = [203, 7, 3];
    const products = random.floats(vectors * rows, 5);
    const table = random.floats(rows).map((value) => 30 + value);
    const own = random.floats(vectors).map((value) => 30 + value);
    for (const euclidean of [true, false]) {
      const [values, ids] = [room(vectors * k), room(vectors * k)];
      run(
        (list) =>
          list.nearest({
            vectors,
            rows,
            k,
            euclidean,
            products: place(products),
            tableSquares: place(table),
            squares: place(own),
            values,
            ids,
          }),
        [[values, vectors * k]],
      );
      for (let v = 0; v < vectors; v++) {
        const distance = (r: number) =>
          euclidean
            ? Math.sqrt(own[v] + table[r] - 2 * products[v * rows + r])
            : -products[v * rows + r] / Math.sqrt(own[v] * table[r]);
        const order = Array.from({ length: rows }, (_, r) => r).sort((a, b) => distance(a) - distance(b));
        expect([...pool.heap.words.slice(ids / 4 + v * k, ids / 4 + (v + 1) * k)]).toEqual(order.slice(0, k));
        const found = read(values, vectors * k).slice(v * k, (v + 1) * k);
        order.slice(0, k).forEach((r, i) => {
          expect(Math.abs(found[i])).toBeCloseTo(Math.abs(distance(r)), 4);
        });
      }
    }
  });
});

/** The normal distribution, by the series of erf or, far out, by its continued fraction. */
function normal(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  let rest: number;
  if (z < 2.5) {
    let [sum, term] = [z, z];
    for (let n = 1; n < 60; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    rest = 0.5 - sum / Math.sqrt(Math.PI);
  } else {
    let fraction = 0;
    for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction);
    rest = Math.exp(-z * z) / (2 * Math.sqrt(Math.PI) * (z + fraction));
  }
  return x < 0 ? rest : 1 - rest;
}
