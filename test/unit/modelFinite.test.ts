/** @file Weights that are NaN or infinite are found in every type, wherever they lie, and named with the model's own names. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { quantiseMatrix } from '../../app/engine/quantised';
import type { WeightType } from '../../app/engine/spec';
import { bfloat16ToNumber, float16ToNumber } from '../../app/formats/floats';
import { countNotFinite, FiniteCheck } from '../../app/model/finite';
import { loadNetwork } from '../../app/model/load';
import { memorySource } from '../../app/model/source';

const every16 = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);

describe('elements that are no finite numbers', () => {
  it.each<[WeightType, (bits: number) => number]>([
    ['F16', float16ToNumber],
    ['BF16', bfloat16ToNumber],
  ])('are found in %s exactly where its value says so, for all 65,536 of them', (dtype, value) => {
    for (const bits of every16) {
      for (const place of [0, 1, 2]) {
        const elements = Uint16Array.of(1, 0x3c00, 0x8001);
        elements[place] = bits;
        const expected = Number.isFinite(value(bits)) ? 0 : 1;
        if (countNotFinite(new Uint8Array(elements.buffer), dtype) !== expected) {
          expect.fail(`${dtype} ${bits.toString(16)} at ${place}`);
        }
      }
    }
    const all = countNotFinite(new Uint8Array(every16.buffer), dtype);
    expect(all).toBe([...every16].filter((bits) => !Number.isFinite(value(bits))).length);
  });

  it('are found in F32, largest and smallest numbers not among them', () => {
    const fine = [0, -0, 1, -1, 3.4028234663852886e38, -3.4028234663852886e38, 1e-45, 1.1754943508222875e-38];
    const wrong = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const bytesOf = (values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
    expect(countNotFinite(bytesOf(fine), 'F32')).toBe(0);
    expect(countNotFinite(bytesOf([...fine, ...wrong, ...fine]), 'F32')).toBe(3);
    const odd = new Uint8Array(4 * wrong.length + 1);
    odd.set(bytesOf(wrong), 1);
    expect(countNotFinite(odd.subarray(1), 'F32')).toBe(3);
  });
});

describe('codes whose scale or offset is no number', () => {
  it('are counted by groups, in whatever pieces they pass', async () => {
    const width = 70;
    const dtype = 'q4/32/f16+offset';
    const { data, shape } = quantiseMatrix(dtype, new Float32Array(3 * width).fill(0.5), width);
    // A row is 48 bytes of codes, three scales, three offsets.
    const spoilt = data.slice();
    const view = new DataView(spoilt.buffer);
    view.setUint16(48 + 2, 0x7c00, true);
    view.setUint16(2 * 60 + 54, 0x7e00, true);
    const shapes = new Map([['a', { dtype, shape }]] as const);
    for (const piece of [4, 52, 60, 180]) {
      for (const [bytes, groups] of [
        [data, 0],
        [spoilt, 2],
      ] as const) {
        const check = new FiniteCheck(shapes);
        const sink = check.over(() => undefined);
        for (let at = 0; at < bytes.length; at += piece) await sink('a', at, bytes.subarray(at, at + piece));
        if (groups === 0) check.finish();
        else expect(() => check.finish()).toThrow(`a (${32 * groups} of 210)`);
      }
    }
  });
});

describe('a model with such weights', () => {
  const folder = new URL('../../public/models/studio-2.6m/', import.meta.url);
  const file = (name: string) => Uint8Array.from(readFileSync(new URL(name, folder)));

  function source(spoil: (weights: Uint8Array, begin: (tensor: string) => number) => void) {
    const weights = file('model.safetensors');
    const headerBytes = Number(new DataView(weights.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(weights.subarray(8, 8 + headerBytes)));
    spoil(weights, (tensor) => 8 + headerBytes + header[tensor].data_offsets[0]);
    return memorySource(
      new Map([
        ['config.json', file('config.json')],
        ['model.safetensors', weights],
      ]),
    );
  }

  it('is refused with the names in its file and how many they are', async () => {
    const spoilt = source((weights, begin) => {
      const view = new DataView(weights.buffer);
      view.setUint16(begin('model.layers.1.mlp.down_proj.weight') + 10, 0x7e00, true);
      view.setUint16(begin('model.layers.1.mlp.down_proj.weight') + 4000, 0xfc00, true);
      view.setUint16(begin('model.layers.0.self_attn.k_proj.weight'), 0x7c00, true);
    });
    await expect(loadNetwork(spoilt)).rejects.toMatchObject({
      name: 'ModelError',
      kind: 'malformed',
      message: expect.stringMatching(
        /not finite.*self_attn\.k_proj\.weight.*\(1 of [\d,]+\).*model\.layers\.1\.mlp\.down_proj\.weight \(2 of [\d,]+\)/,
      ),
      hint: expect.stringContaining('another copy'),
    });
  });

  it('is loaded where they are in order', async () => {
    const { weights } = await loadNetwork(source(() => undefined));
    expect(weights.size).toBeGreaterThan(10);
  });
});
