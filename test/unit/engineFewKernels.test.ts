/** @file Training on the processor with no more of tfjs than its page loads; what all of it makes of the same is the same. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { startCpu } from '../../app/engine/backend';
import type { Engine } from '../../app/engine/engine';
import { neighbourTable } from '../../app/inspect/nearest';
import { composedUpdate } from '../../app/training/adamW';
import { initialisePrompt } from '../../app/training/initialise';
import { StepMaker } from '../../app/training/stepMaker';
import { startNodeProcessor } from '../../tools/node/processor';
import { tinyEngine, tinyInputs, tinyTokenizer } from './trainingFixture';

/** All that runs do on tensors of tfjs: a start, steps in parts, an update that is composed, and a table of neighbours. */
async function run(engine: Engine): Promise<number[]> {
  const inputs = await tinyInputs(engine);
  const { settings, measures } = inputs;
  const source = { tokenizer: tinyTokenizer, training: inputs.data.training, file: null };
  const prompt = await initialisePrompt(engine, settings, source);
  const maker = new StepMaker({ engine, training: inputs.data.training, settings, prompt, parts: 2 });
  await maker.prepare();
  const measured: number[] = [];
  for (let step = 0; step < 3; step++) {
    const made = maker.make(step);
    measured.push(...(await made.measured.data()));
    made.measured.dispose();
  }
  const { prompt: trained, firstMoment } = await maker.read();
  const initial = tf.tensor2d(prompt, [settings.virtualTokens, engine.spec.hidden]);
  const textOf = tinyTokenizer.tokenText;
  const table = await neighbourTable({
    engine,
    vectors: maker.prompt,
    initial,
    step: 3,
    measures,
    textOf,
  });
  const before = { parameter: maker.prompt, firstMoment: initial, secondMoment: tf.square(initial) };
  const rates = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, stepSize: 0.1, rootCorrection: 0.5 };
  const after = composedUpdate(before, initial, { ...rates, clipNorm: 1, decay: 0.9 });
  const updated = await after.parameter.data();
  maker.dispose();
  const lengths = table.rows.flatMap(({ moved, norm, neighbours }) => [moved, norm, neighbours[0].value]);
  return [...measured, ...trained, ...firstMoment, ...lengths, ...updated];
}

describe('the few kernels of the processor’s page', () => {
  it('are all that a run takes, and give what all of tfjs gives', async () => {
    await startNodeProcessor({ threads: 1 });
    const engine = await tinyEngine();
    expect(engine.name).toBe('wasm');
    const few = await run(engine);
    engine.dispose();
    expect(tf.getKernel('BatchMatMul', 'cpu')).toBeUndefined();
    expect(tf.getGradient('BatchMatMul')).toBeUndefined();

    await startCpu();
    expect(tf.getKernel('BatchMatMul', 'cpu')).toBeDefined();
    const reference = await tinyEngine();
    expect(reference.name).toBe('reference');
    const all = await run(reference);
    reference.dispose();
    expect(few.every(Number.isFinite)).toBe(true);
    few.forEach((value, i) => {
      expect(value).toBeCloseTo(all[i], 3);
    });
  });
});
