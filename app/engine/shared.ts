/** @file What the fused engines have in common besides layout and capacities. */
import * as tf from '@tensorflow/tfjs-core';
import type { PackedBatch, PackedText, SoftPrompt } from './engine';

/** Rows that `evaluate` runs at a time; bounds its memory. */
const EVALUATION_ROWS = 2048;

/** Whether tfjs records operations for a gradient right now. */
export function recordsGradient(): boolean {
  return tf.engine().state.gradientDepth > 0;
}

/** A loss of 0 whose gradient is 0, for a batch without labels. */
export function zeroLoss(inputs: tf.Tensor[], prompts: number): tf.Tensor1D {
  const compute = tf.customGrad((...args) => {
    const tensors = args.slice(0, -1) as tf.Tensor[];
    return {
      value: tf.zeros([prompts]),
      gradFunc: () => tensors.map((tensor) => tf.zeros(tensor.shape)),
    };
  });
  return compute(...inputs) as tf.Tensor1D;
}

/** A loss whose gradients were computed along with it; what is done with the mean is left to tfjs. */
export function lossWithGradients(
  inputs: tf.Tensor[],
  step: () => { loss: tf.Tensor1D; gradients: tf.Tensor[] },
): tf.Tensor1D {
  const compute = tf.customGrad((...args) => {
    const save = args.pop() as unknown as tf.GradSaveFunc;
    const { loss, gradients } = step();
    save(gradients);
    return {
      value: loss,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        saved.map((gradient, i) => tf.mul(gradient, tf.slice(dy, [i], [1]))),
    };
  });
  return compute(...inputs) as tf.Tensor1D;
}

/** Indices of texts, in order, in groups of at most `EVALUATION_ROWS` rows. */
export function evaluationGroups(batch: PackedBatch): number[][] {
  const groups: number[][] = [];
  let rows = Number.POSITIVE_INFINITY;
  batch.texts.forEach((text, i) => {
    rows += text.length;
    if (rows > EVALUATION_ROWS) {
      groups.push([]);
      rows = text.length;
    }
    groups[groups.length - 1].push(i);
  });
  return groups;
}

/** Some texts of a batch with only the prompts that they follow, which alone are computed with them. */
export function textsOf(
  group: readonly number[],
  prompts: readonly (SoftPrompt | null)[],
  batch: PackedBatch,
): { texts: PackedText[]; followed: (SoftPrompt | null)[] } {
  const used = [...new Set(group.map((i) => batch.texts[i].prompt))];
  const texts = group.map((i) => ({ ...batch.texts[i], prompt: used.indexOf(batch.texts[i].prompt) }));
  return { texts, followed: used.map((index) => prompts[index]) };
}
