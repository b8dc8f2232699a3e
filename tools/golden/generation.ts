/** @file What an engine says after the text of a golden model's generation.json, to be compared with what transformers said. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { Engine, VectorPrompt } from '../../app/engine/engine';
import { loadNetwork, type Network } from '../../app/model/load';
import { readTensor } from './case';
import { folderSource } from './folderSource';

export interface GenerationFile {
  /** Ids of the text to go on from. */
  text: number[];
  /** The likeliest tokens after it, one at a time. */
  bare: number[];
  /** The same with the case's prompt before the text. */
  prompted: number[];
  /** Least difference between the first and the second logit of any step. */
  leastMargin: number;
}

export function expectedGeneration(folder: string): GenerationFile {
  return JSON.parse(readFileSync(join(folder, 'generation.json'), 'utf8')) as GenerationFile;
}

/** Greedy generation on tfjs's present backend with the engine that `create` makes. */
export async function generateGreedily(
  folder: string,
  create: (network: Network) => Engine | Promise<Engine>,
): Promise<Pick<GenerationFile, 'bare' | 'prompted'>> {
  const { text, bare, prompted } = expectedGeneration(folder);
  const engine = await create(await loadNetwork(folderSource(folder)));
  const start = readTensor(join(folder, 'expected.safetensors'), 'prompt');
  const vectors = tf.tensor2d(start.values, [start.shape[0], start.shape[1]]);
  const say = async (prompt: VectorPrompt | null, maxTokens: number): Promise<number[]> => {
    const ids: number[] = [];
    const options = { maxTokens, temperature: 0, stopIds: [] };
    for await (const id of engine.generate(prompt, Int32Array.from(text), options)) ids.push(id);
    return ids;
  };
  try {
    return {
      bare: await say(null, bare.length),
      prompted: await say({ kind: 'prompt', vectors }, prompted.length),
    };
  } finally {
    vectors.dispose();
    engine.dispose();
  }
}
