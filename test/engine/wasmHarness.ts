/** @file Engines on the processor, and the reference beside them, on random tiny models. */
import * as tf from '@tensorflow/tfjs-core';
import { startCpu } from '../../app/engine/backend';
import type { Engine, PackedBatch } from '../../app/engine/engine';
import { createReferenceEngine } from '../../app/engine/reference/referenceEngine';
import { createWasmEngine, type WasmEngine, type WasmEngineOptions } from '../../app/engine/wasm/wasmEngine';
import { streamOf } from '../../app/engine/weightStream';
import { type NodeProcessorOptions, nodeProcessor } from '../../tools/node/processor';
import { type PromptValues, softPrompt } from './webgpuEngineHarness';
import type { TinyModel } from './webgpuHarness';

/** What the reference makes of it, on tfjs's cpu backend. */
export async function onReference<T>(model: TinyModel, use: (engine: Engine) => Promise<T>): Promise<T> {
  await startCpu();
  const reference = await createReferenceEngine(model.spec, streamOf(model.weights));
  try {
    return await use(reference);
  } finally {
    reference.dispose();
  }
}

/** What the processor's engine makes of it, by default on two threads. */
export async function onWasm<T>(
  model: TinyModel,
  use: (engine: WasmEngine) => Promise<T>,
  options: WasmEngineOptions & NodeProcessorOptions = {},
): Promise<T> {
  await startCpu();
  const processor = await nodeProcessor({ threads: 2, ...options });
  const engine = await createWasmEngine(model.spec, streamOf(model.weights), processor, options);
  try {
    return await use(engine);
  } finally {
    engine.dispose();
  }
}

export interface Answers {
  scores: Awaited<ReturnType<Engine['evaluate']>>[];
  tokens: number[][];
  cosine: Awaited<ReturnType<Engine['nearest']>>;
  euclidean: Awaited<ReturnType<Engine['nearest']>>;
  embedded: Float32Array;
}

/** All that an engine is asked besides losses: scores, greedy tokens, neighbours and embeddings, of a prompt and a prefix. */
export async function questions(
  engine: Engine,
  [prompt, prefix]: readonly PromptValues[],
  batch: PackedBatch,
  vectors: Float32Array,
): Promise<Answers> {
  const text = batch.tokenIds.slice(0, 6);
  const greedy = { maxTokens: 6, temperature: 0, stopIds: [] };
  const tensors = [
    tf.tensor2d(prompt.values.slice(), prompt.shape),
    tf.tensor2d(prefix.values.slice(), prefix.shape),
    tf.tensor2d(vectors.slice(), [5, engine.spec.hidden]),
  ];
  const soft = [softPrompt('prompt', tensors[0]), softPrompt('prefix', tensors[1])];
  const embedded = engine.embed(text);
  const answers = {
    scores: await Promise.all(
      [...soft, null].map((one) =>
        engine.evaluate(
          // Under one of them, whichever a text names.
          [one, one, one],
          batch,
        ),
      ),
    ),
    tokens: await Promise.all([
      all(engine.generate(soft[0], text, greedy)),
      all(engine.generate(soft[0], new Int32Array(0), greedy)),
      all(engine.generate(soft[1], text, greedy)),
      all(engine.generate(null, text, greedy)),
      all(engine.generate(null, text.slice(0, 1), greedy)),
    ]),
    cosine: await engine.nearest(tensors[2], 4, 'cosine'),
    euclidean: await engine.nearest(tensors[2], 4, 'euclidean'),
    embedded: Float32Array.from(await embedded.data()),
  };
  tf.dispose([...tensors, embedded]);
  return answers;
}

async function all(tokens: AsyncIterable<number>): Promise<number[]> {
  const found: number[] = [];
  for await (const token of tokens) found.push(token);
  return found;
}
