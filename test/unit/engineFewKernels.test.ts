/** @file Training on the processor with no more of tfjs than its page loads; what all of it makes of the same is the same. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { startCpu } from '../../app/engine/backend';
import type { Engine } from '../../app/engine/engine';
import { neighbourTable } from '../../app/inspect/nearest';
import { composedUpdate } from '../../app/training/adamW';
import { Learner, startLearner, tensorOf } from '../../app/training/learner';
import { METHODS, type MethodId } from '../../app/training/methods/names';
import { StepMaker } from '../../app/training/stepMaker';
import { startNodeProcessor } from '../../tools/node/processor';
import { tinyEngine, tinyInputs, tinyTokenizer } from './trainingFixture';

/** All that runs do on tensors of tfjs: a start, steps in parts, an update that is composed, and a table of neighbours. */
async function run(engine: Engine, method: MethodId): Promise<number[]> {
  const inputs = await tinyInputs(engine);
  const { measures } = inputs;
  const framed = METHODS[method].kind === 'prompt';
  const settings = {
    ...inputs.settings,
    method,
    before: framed ? 't4' : '',
    after: framed ? 't6 t7' : '',
    noise: 0.1,
  };
  const source = { tokenizer: tinyTokenizer, training: inputs.data.training, file: null, elementRms: 0.3 };
  const start = await startLearner(engine, settings, source);
  const learner = new Learner(engine, settings, start, settings);
  const { training } = inputs.data;
  const maker = new StepMaker({ engine, training, settings, learners: [learner], parts: 2 });
  await maker.prepare();
  const measured: number[] = [];
  for (let step = 0; step < 3; step++) {
    const made = maker.make(step);
    measured.push(...(await made.measured.data()));
    made.measured.dispose();
  }
  const { prompt: trained, firstMoment } = await learner.read();
  const made = [...measured, ...trained, ...firstMoment];
  const snapshot = learner.snapshot();
  if (snapshot.kind === 'prompt') {
    const { vectors } = snapshot;
    const initial = tf.tensor2d(start.prompt, vectors.shape);
    const textOf = tinyTokenizer.tokenText;
    const table = await neighbourTable({ engine, vectors, initial, step: 3, measures, textOf });
    const before = { parameter: vectors, firstMoment: initial, secondMoment: tf.square(initial) };
    const rates = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, stepSize: 0.1, rootCorrection: 0.5 };
    const after = composedUpdate(before, initial, { ...rates, clipNorm: 1, decay: 0.9 });
    made.push(...(await after.parameter.data()));
    for (const { moved, norm, neighbours } of table.rows) made.push(moved, norm, neighbours[0].value);
  }
  tf.dispose(tensorOf(snapshot));
  learner.dispose();
  return made;
}

describe('the few kernels of the processor’s page', () => {
  it('are all that a run of any method takes, and give what all of tfjs gives', async () => {
    const ids = Object.keys(METHODS) as MethodId[];
    await startNodeProcessor({ threads: 1 });
    const engine = await tinyEngine();
    expect(engine.name).toBe('wasm');
    const few = new Map<MethodId, number[]>();
    for (const id of ids) few.set(id, await run(engine, id));
    engine.dispose();
    expect(tf.getKernel('Softmax', 'cpu')).toBeUndefined();
    expect(tf.getGradient('Softmax')).toBeUndefined();

    await startCpu();
    expect(tf.getKernel('Softmax', 'cpu')).toBeDefined();
    const reference = await tinyEngine();
    expect(reference.name).toBe('reference');
    for (const id of ids) {
      const found = few.get(id) ?? [];
      const all = await run(reference, id);
      expect(found).toHaveLength(all.length);
      expect(found.every(Number.isFinite)).toBe(true);
      found.forEach((value, i) => {
        expect(value, `${id}, number ${i}`).toBeCloseTo(all[i], 3);
      });
    }
    reference.dispose();
  });
});
