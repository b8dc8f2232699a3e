/** @file The processor's attention, forward and backward, against its definition in double precision, on random ragged batches. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StepLayout } from '../../app/engine/layout';
import { OpList } from '../../app/engine/wasm/ops';
import { Pool } from '../../app/engine/wasm/pool';
import { scratchBytes } from '../../app/engine/wasm/scratch';
import type { AttentionShape } from '../../app/engine/wasm/shapes';
import { nodeProcessor } from '../../tools/node/processor';
import { ragged } from './raggedBatch';
import { POISON, Random, relativeError } from './webgpuHarness';

interface Form {
  heads: number;
  keyHeads: number;
  headDim: number;
  softcap: number | null;
  window: number | null;
  /** Only rows that predict a label are queries. */
  slots: boolean;
}

/** Sequences as the layout's table has them. */
function sequencesOf(layout: StepLayout) {
  return Array.from({ length: layout.sequences.length / 8 }, (_, i) => {
    const [start, length, follows, before, firstSlot, slots] = layout.sequences.slice(8 * i, 8 * i + 6);
    return { start, length, follows, before, firstSlot, slots };
  });
}

const forms: Form[] = [
  { heads: 4, keyHeads: 2, headDim: 16, softcap: null, window: null, slots: false },
  { heads: 3, keyHeads: 1, headDim: 7, softcap: 2, window: null, slots: false },
  { heads: 2, keyHeads: 2, headDim: 24, softcap: null, window: 4, slots: false },
  { heads: 6, keyHeads: 2, headDim: 5, softcap: null, window: 7, slots: true },
  { heads: 2, keyHeads: 1, headDim: 64, softcap: 3, window: null, slots: true },
];
const batches = [
  [9, 4, 1, 13, 6],
  [1, 1],
  [100, 3, 17, 2, 31, 8, 97],
];

describe.each(['plain', 'relaxed'] as const)('attention with %s SIMD', (simd) => {
  let pool: Pool;
  let scratch: { scratch: number; scratchBytes: number };
  const random = new Random(77);

  beforeAll(async () => {
    pool = new Pool(await nodeProcessor({ simd, threads: 2 }));
    const each = scratchBytes(64, 128, true);
    scratch = { scratch: pool.heap.allocate(2 * each), scratchBytes: each };
  });
  afterAll(() => pool.dispose());

  describe.each(forms)(
    '$heads heads, $keyHeads of keys, of $headDim; softcap $softcap, window $window, slots alone: $slots',
    (form) => {
      it.each(batches.map((lengths) => [lengths] as const))('over texts of %j tokens', (lengths) => {
        const layout = ragged(lengths);
        const { counts } = layout;
        const { heads, keyHeads, headDim, softcap, window } = form;
        const [queries, keys] = [heads * headDim, keyHeads * headDim];
        const wide = queries + 2 * keys;
        const scale = 1 / Math.sqrt(headDim);
        const rows = layout.rowInfo.length / 4;
        const outs = form.slots ? counts.slots : rows;
        const qkv = random.floats(rows * wide, 2);
        const slotQueries = random.floats(counts.slots * queries, 2);
        const prefix = random.floats(counts.prefixEnd * 2 * keys, 2);
        const dOut = random.floats(outs * queries);
        const sequences = sequencesOf(layout);

        // By definition, in doubles. A row's key and value: of a prefix as given, else its own.
        const given = (row: number) => row < counts.prefixEnd;
        const keyAt = (row: number, i: number) =>
          given(row) ? prefix[row * 2 * keys + i] : qkv[row * wide + queries + i];
        const valueAt = (row: number, i: number) =>
          given(row) ? prefix[row * 2 * keys + keys + i] : qkv[row * wide + queries + keys + i];
        const queryAt = (at: number, i: number) =>
          form.slots ? slotQueries[at * queries + i] : qkv[at * wide + i];
        const want = {
          out: new Float64Array(outs * queries),
          dq: new Float64Array(outs * queries),
          dk: new Float64Array(rows * keys),
          dv: new Float64Array(rows * keys),
        };
        const isQuery = new Uint8Array(outs);
        for (const { start, length, follows, before, firstSlot, slots } of sequences) {
          const own = form.slots
            ? Array.from({ length: slots }, (_, i) => [firstSlot + i, layout.slotRow[firstSlot + i]])
            : Array.from({ length }, (_, i) => [start + i, start + i]);
          for (const [at, row] of own) {
            isQuery[at] = 1;
            const seen = [
              ...Array.from({ length: before }, (_, j) => follows + j),
              ...Array.from({ length: row - start + 1 }, (_, j) => start + j),
            ].slice(window === null ? 0 : -window);
            for (let head = 0; head < heads; head++) {
              const kv = Math.floor(head / (heads / keyHeads)) * headDim;
              const q = head * headDim;
              const sum = (f: (d: number) => number) => {
                let total = 0;
                for (let d = 0; d < headDim; d++) total += f(d);
                return total;
              };
              const raw = seen.map((j) => scale * sum((d) => queryAt(at, q + d) * keyAt(j, kv + d)));
              const capped = raw.map((s) => (softcap === null ? s : softcap * Math.tanh(s / softcap)));
              const top = Math.max(...capped);
              const total = capped.reduce((all, s) => all + Math.exp(s - top), 0);
              const p = capped.map((s) => Math.exp(s - top) / total);
              const dP = seen.map((j) => sum((d) => dOut[at * queries + q + d] * valueAt(j, kv + d)));
              const along = p.reduce((all, weight, n) => all + weight * dP[n], 0);
              seen.forEach((j, n) => {
                const slope = softcap === null ? 1 : 1 - (capped[n] / softcap) ** 2;
                const dScore = p[n] * (dP[n] - along) * slope * scale;
                for (let d = 0; d < headDim; d++) {
                  want.out[at * queries + q + d] += p[n] * valueAt(j, kv + d);
                  want.dq[at * queries + q + d] += dScore * keyAt(j, kv + d);
                  want.dk[j * keys + kv + d] += dScore * queryAt(at, q + d);
                  want.dv[j * keys + kv + d] += p[n] * dOut[at * queries + q + d];
                }
              });
            }
          }
        }

        // On the kernels, everything that they write poisoned before.
        const blocks: number[] = [];
        const place = (values: ArrayLike<number>) => {
          const at = pool.heap.allocate(4 * Math.max(1, values.length));
          blocks.push(at);
          pool.heap.floats.set(values, at / 4);
          return at;
        };
        const words = (values: ArrayLike<number>) => {
          const at = place(new Float32Array(values.length));
          pool.heap.words.set(values, at / 4);
          return at;
        };
        const room = (count: number) => place(new Float32Array(count).fill(POISON));
        const read = (at: number, count: number) => pool.heap.floats.slice(at / 4, at / 4 + count);
        const all = place(qkv);
        const prefixes = place(prefix);
        const shape: AttentionShape = {
          sequences: words(layout.sequences),
          count: sequences.length,
          heads,
          keyHeads,
          headDim,
          q: form.slots ? { at: place(slotQueries), stride: queries } : { at: all, stride: wide },
          k: { at: all + 4 * queries, stride: wide },
          v: all + 4 * (queries + keys),
          prefix: { keys: prefixes, values: prefixes + 4 * keys, stride: 2 * keys, rows: counts.prefixEnd },
          slotRow: form.slots ? words(layout.slotRow) : 0,
          out: { at: room(outs * queries), stride: queries },
          statistics: room(2 * outs * heads),
          scale,
          softcap,
          window,
        };
        const dqkv = room(rows * wide);
        const dSlots = room(counts.slots * queries);
        const dPrefix = room(counts.prefixEnd * 2 * keys);
        const [jobKeys, jobValues] = [room(counts.jobs * keys), room(counts.jobs * keys)];
        const list = new OpList(pool.threads);
        const longest = Math.max(...sequences.map(({ length }) => length));
        list.attend(shape, longest);
        const k = { at: dqkv + 4 * queries, stride: wide };
        list.attendBackward(shape, {
          out: place(dOut),
          q: form.slots ? dSlots : dqkv,
          k,
          v: k.at + 4 * keys,
          jobKeys,
          jobValues,
          promptSequences: counts.promptSequences,
          promptOnly: false,
        });
        list.sumJobs({
          promptRows: words(layout.promptRows),
          count: counts.promptEnd,
          width: keys,
          jobKeys,
          jobValues,
          prefixRows: counts.prefixEnd,
          prefixKeys: { at: dPrefix, stride: 2 * keys },
          prefixValues: dPrefix + 4 * keys,
          k,
          v: k.at + 4 * keys,
        });
        pool.run(list, scratch);
        const out = read(shape.out.at, outs * queries);
        const gradients = read(dqkv, rows * wide);
        const slotGradients = read(dSlots, counts.slots * queries);
        const prefixGradients = read(dPrefix, counts.prefixEnd * 2 * keys);
        for (const block of blocks) pool.heap.free(block);

        // Rows of prefixes are no queries, and stay as they were.
        const asked = (values: ArrayLike<number>) =>
          Array.from(values).filter((_, i) => isQuery[Math.floor(i / queries)] === 1);
        expect(relativeError(asked(out), asked(want.out))).toBeLessThan(1e-6);
        Array.from(isQuery).forEach((is, at) => {
          if (!is) expect(out[at * queries]).toBe(POISON);
        });
        const found = {
          dq: new Float32Array(outs * queries),
          dk: new Float32Array(rows * keys),
          dv: new Float32Array(rows * keys),
        };
        for (let at = 0; at < outs; at++) {
          for (let i = 0; i < queries; i++) {
            found.dq[at * queries + i] = form.slots
              ? slotGradients[at * queries + i]
              : gradients[at * wide + i];
          }
        }
        for (let row = 0; row < rows; row++) {
          for (let i = 0; i < keys; i++) {
            const of = (shift: number) =>
              given(row)
                ? prefixGradients[row * 2 * keys + shift + i]
                : gradients[row * wide + queries + shift + i];
            found.dk[row * keys + i] = of(0);
            found.dv[row * keys + i] = of(keys);
          }
        }
        expect(relativeError(asked(found.dq), asked(want.dq))).toBeLessThan(2e-6);
        expect(relativeError(found.dk, want.dk)).toBeLessThan(2e-6);
        expect(relativeError(found.dv, want.dv)).toBeLessThan(2e-6);
      });
    },
  );
});
