/** @file What `npm run bench` understands, and what it makes of a report. */
import { describe, expect, test } from 'vitest';
import { median, spread } from '../../bench/measure';
import { llamaLike, randomModel, randomWeights, shapeNames } from '../../bench/models';
import { OptionError, parseOptions } from '../../bench/options';
import { peerConfig } from '../../bench/peer';
import { stepWork } from '../../bench/products';
import { makeBatch, promptTokens, workloadProblem } from '../../bench/workload';

describe('options of the benchmark', () => {
  test('are a small batch on the embedded model by default', () => {
    const options = parseOptions([]);
    expect(options).toMatchObject({ model: 'embedded', json: '-', peer: null, python: 'python3' });
    expect(options.workload).toEqual({ batch: 16, length: 32, prompt: 20, labels: 4 });
    expect(options.referenceSteps).toBeGreaterThan(0);
  });

  test('name model, shape, file and peer', () => {
    const text =
      '--model gpt2 --batch 2 --length 8 --prompt 3 --labels 1 --reference-steps 0 --json a.json --peer peft';
    const options = parseOptions(text.split(' '));
    expect(options).toMatchObject({ model: 'gpt2', referenceSteps: 0, json: 'a.json', peer: 'peft' });
    expect(options.workload).toEqual({ batch: 2, length: 8, prompt: 3, labels: 1 });
  });

  test.each([
    ['--batch 0', /--batch takes a whole number from 1/],
    ['--steps two', /--steps takes a whole number from 1 on, not “two”/],
    ['--model gpt5', /--model takes embedded, gpt2/],
    ['--peer jax', /--peer takes peft/],
    ['--peer-dtype int8', /--peer-dtype takes float32 or bfloat16/],
    ['--faster', /--faster/],
    ['--engine cuda', /--engine takes webgpu or wasm/],
    ['--engine wasm --in firefox', /--in takes node or chromium/],
    ['--in chromium', /--in chromium is for --engine wasm/],
    ['--engine wasm --threads 0', /--threads takes a whole number from 1/],
    ['--engine wasm --simd wide', /--simd takes plain or relaxed/],
  ])('%s is refused in words', (text, message) => {
    expect(() => parseOptions(text.split(' '))).toThrow(OptionError);
    expect(() => parseOptions(text.split(' '))).toThrow(message);
  });
});

describe('a workload', () => {
  const workload = { batch: 3, length: 5, prompt: 2, labels: 2 };

  test('becomes texts of one length whose last tokens are labels, the same every time', () => {
    const batch = makeBatch(50, workload);
    expect(batch.texts.map(({ start, length }) => [start, length])).toEqual([
      [0, 5],
      [5, 5],
      [10, 5],
    ]);
    expect([...batch.isLabel.subarray(0, 5)]).toEqual([0, 0, 0, 1, 1]);
    expect(Math.max(...batch.tokenIds)).toBeLessThan(50);
    expect(makeBatch(50, workload)).toEqual(batch);
    expect(promptTokens(50, workload)).toHaveLength(2);
  });

  test('that cannot be run is named', () => {
    expect(workloadProblem(workload, 7)).toBeNull();
    expect(workloadProblem(workload, 6)).toMatch(/exceed the model's context of 6/);
    expect(workloadProblem({ ...workload, labels: 6 }, 64)).toMatch(/cannot have 6 label tokens/);
    expect(workloadProblem({ ...workload, batch: 1.5 }, 64)).toMatch(/batch must be a whole number/);
  });
});

describe('the arithmetic of a step', () => {
  const spec = llamaLike('llama', {
    vocabSize: 100,
    hidden: 8,
    heads: 2,
    kvHeads: 1,
    headDim: 4,
    mlpWidth: 16,
    contextLength: 64,
    layers: 3,
    theta: 10000,
  });

  test('counts the prompt once, texts up to their last predicting row, and the head at the labels', () => {
    // 2 virtual tokens, and of each of the 3 texts its tokens but the last.
    const { rows, flop } = stepWork(spec, { batch: 3, length: 5, prompt: 2, labels: 2 });
    expect(rows).toBe(2 + 3 * 4);
    const slots = 3 * 2;
    const qkv = (2 + 2 * 1) * 4 * 8;
    const rest = 8 * 8 + 3 * 8 * 16;
    const forward = 3 * rows * qkv + (2 * rows + slots) * rest + slots * 100 * 8;
    const backward = forward - (rows - 2) * qkv;
    expect(flop).toBe(2 * (forward + backward));
  });
});

describe('random models', () => {
  test('have the true numbers of parameters', () => {
    const millions = shapeNames.map((name) => {
      const shapes = [...randomModel(name).weights.shapes.values()];
      return shapes.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0) / 1e6;
    });
    expect(shapeNames).toEqual(['gpt2', 'smollm2-135m', 'qwen2.5-0.5b']);
    expect(millions.map((n) => Math.round(n * 10) / 10)).toEqual([124.4, 134.5, 494]);
  });

  test('deliver every byte once, the same each time, around what they should be', async () => {
    const spec = llamaLike('llama', {
      vocabSize: 300_000,
      hidden: 8,
      heads: 2,
      kvHeads: 1,
      headDim: 4,
      mlpWidth: 16,
      contextLength: 64,
      layers: 1,
      theta: 10000,
    });
    const { weights } = randomWeights({ spec, dtype: 'F32', biases: 'none' });
    const deliver = async () => {
      const bytes = new Map<string, number>();
      let sum = 0;
      let most = 0;
      await weights.deliver((name, offset, piece) => {
        expect(offset).toBe(bytes.get(name) ?? 0);
        bytes.set(name, offset + piece.byteLength);
        if (name !== 'embed.tokens') return;
        const values = new Float32Array(piece.buffer, piece.byteOffset, piece.byteLength / 4);
        for (const value of values) {
          sum += value;
          most = Math.max(most, Math.abs(value));
        }
      });
      return { bytes, sum, most };
    };
    const first = await deliver();
    for (const [name, { shape }] of weights.shapes) {
      expect(first.bytes.get(name)).toBe(4 * shape.reduce((a, b) => a * b, 1));
    }
    expect(Math.abs(first.sum / 2_400_000)).toBeLessThan(1e-3);
    expect(first.most).toBeGreaterThan(0.049);
    expect(first.most).toBeLessThanOrEqual(0.05);
    expect((await deliver()).sum).toBe(first.sum);
  });

  test('are named to transformers with the same shapes', () => {
    const { spec } = randomModel('qwen2.5-0.5b');
    expect(peerConfig(spec)).toMatchObject({
      type: 'qwen2',
      arguments: { hidden_size: 896, num_key_value_heads: 2, head_dim: 64, tie_word_embeddings: true },
    });
    expect(peerConfig(randomModel('gpt2').spec)).toMatchObject({
      type: 'gpt2',
      arguments: { n_embd: 768, n_layer: 12, n_inner: 3072 },
    });
  });
});

test('a spread is median, least and most', () => {
  expect(spread([5, 1, 2, 10])).toEqual({ median: 3.5, min: 1, max: 10 });
  expect(median([3, 1, 2])).toBe(2);
});
