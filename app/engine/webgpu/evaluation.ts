/** @file Scores of any number of texts: in groups that bound the memory, and in smaller ones where the device has no room for these. */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type { ExampleScore, PackedBatch, SoftPrompt } from '../engine';
import { EngineMemoryError } from '../errors';
import { layoutStep, promptShape } from '../layout';
import { evaluationGroups, textsOf } from '../shared';
import { rowChunks } from './limits';
import { Readback, type StepRunner } from './steps';

/**
 * As `Engine.evaluate` describes it. `backend` gives tfjs's when it is needed: it may change meanwhile, which is an error.
 * @throws EngineMemoryError where the device has not the memory for a single text; EngineFaultError where it refuses the work
 */
export async function evaluateTexts(
  device: GPUDevice,
  steps: StepRunner,
  backend: () => WebGPUBackend,
  prompts: readonly (SoftPrompt | null)[],
  batch: PackedBatch,
): Promise<ExampleScore[]> {
  const scores: ExampleScore[] = batch.texts.map(() => ({ nats: 0, labels: 0, hits: 0 }));
  const score = async (groups: number[][]): Promise<void> => {
    const parts = groups
      .map((group) => {
        const { texts, followed } = textsOf(group, prompts, batch);
        const layout = layoutStep(followed.map(promptShape), { ...batch, texts });
        return { group, layout, followed, prompts: followed.length };
      })
      .filter(({ layout }) => layout.counts.labels > 0);
    if (parts.length === 0) return;
    try {
      await steps.prepareForward(parts);
    } catch (error) {
      // What the device has no room for is done in halves.
      const most = Math.max(...groups.map(({ length }) => length));
      if (!(error instanceof EngineMemoryError) || most === 1) throw error;
      return score(groups.flatMap((group) => inChunks(group, Math.ceil(most / 2))));
    }
    const answers = parts.map(async ({ group, layout, followed }) => {
      const plan = steps.planFor('forward', layout, followed.length);
      const readback = new Readback(device, layout.counts.labels * 8);
      const accepted = steps.run(backend(), plan, layout, followed, (encoder) =>
        encoder.copyBufferToBuffer(plan.head.scores, 0, readback.buffer, 0, readback.bytes),
      );
      return { group, layout, values: new Float32Array(await readback.read(accepted)) };
    });
    for (const { group, layout, values } of await Promise.all(answers)) {
      group.forEach((text, i) => {
        for (const label of layout.textLabels[i]) {
          scores[text].nats += values[2 * label];
          scores[text].hits += values[2 * label + 1];
          scores[text].labels++;
        }
      });
    }
  };
  await score(evaluationGroups(batch));
  return scores;
}

function inChunks(group: readonly number[], most: number): number[][] {
  return rowChunks(group.length, most).map(({ start, size }) => group.slice(start, start + size));
}
