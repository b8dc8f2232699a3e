/** @file The small model on which an engine is tried has the large one's ways, and computes numbers. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { proofModel } from '../../app/engine/proofModel';
import { createReferenceEngine } from '../../app/engine/reference/referenceEngine';
import { storedBytes, streamOf } from '../../app/engine/weightStream';
import { describeModel } from '../../app/model/families';
import { planReading } from '../../app/model/readingPlan';
import { startNodeBackend } from '../../tools/node/backend';

beforeAll(() => startNodeBackend('cpu'));

/** Specification and shapes of a model by its configuration, all weights in one type. */
function model(config: object, dtype: string) {
  const { spec, sources } = describeModel(config, new Map());
  const tensors = new Map(
    sources.flatMap(({ parts }) =>
      parts.map(
        ({ name, shape }) => [name, { file: 'w', entry: { dtype, shape, begin: 0, end: 0 } }] as const,
      ),
    ),
  );
  return { spec, shapes: planReading(sources, tensors).shapes };
}

const large = {
  llama: model(
    {
      model_type: 'llama',
      vocab_size: 128256,
      hidden_size: 2048,
      intermediate_size: 8192,
      num_hidden_layers: 16,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      rms_norm_eps: 1e-5,
      hidden_act: 'silu',
      max_position_embeddings: 4096,
      tie_word_embeddings: true,
    },
    'BF16',
  ),
  gpt2: model(
    { model_type: 'gpt2', vocab_size: 50257, n_embd: 1024, n_layer: 24, n_head: 16, n_positions: 1024 },
    'F16',
  ),
};

describe.each(Object.entries(large))('of a large %s', (_, { spec, shapes }) => {
  it('is small, with weights of the same types and names', () => {
    const small = proofModel(spec, shapes);
    const bytes = [...small.weights.values()].reduce((sum, weight) => sum + storedBytes(weight), 0);
    expect(bytes).toBeLessThan(2 ** 22);
    expect(small.spec.layers).toHaveLength(1);
    expect(small.spec.heads / small.spec.kvHeads).toBe(spec.heads / spec.kvHeads);
    for (const [name, { dtype, data, shape }] of small.weights) {
      expect(dtype).toBe(shapes.get(name)?.dtype);
      expect(data.byteLength).toBe(storedBytes({ dtype, shape }));
    }
    const first = [...shapes.keys()].filter((name) => !/^layers\.([1-9]|\d\d)/.test(name));
    expect([...small.weights.keys()].sort()).toEqual(first.sort());
  });

  it('computes losses that are numbers', async () => {
    const small = proofModel(spec, shapes);
    const engine = await createReferenceEngine(small.spec, streamOf(small.weights));
    const vectors = engine.embed(Int32Array.of(1, 2)) as tf.Tensor2D;
    const batch = {
      tokenIds: Int32Array.of(3, 4, 5),
      isLabel: Uint8Array.of(0, 1, 1),
      texts: [{ start: 0, length: 3, prompt: 0 }],
    };
    const loss = engine.loss([{ kind: 'prompt', vectors }], batch);
    const [value] = await loss.data();
    expect(value).toBeGreaterThan(1);
    expect(value).toBeLessThan(50);
    tf.dispose([loss, vectors]);
    engine.dispose();
  });
});

it('of a small model keeps its widths: its own kernels are tried', () => {
  const { spec, shapes } = model(
    { model_type: 'gpt2', vocab_size: 512, n_embd: 96, n_layer: 2, n_head: 4, n_positions: 64 },
    'F32',
  );
  const small = proofModel(spec, shapes);
  expect(small.spec).toEqual({ ...spec, layers: spec.layers.slice(0, 1) });
});
