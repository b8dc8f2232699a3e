/**
 * @file Records final norm, head, cross-entropy, and their backward pass. The logits of all slots at once would not fit, nor would a
 * large vocabulary in one binding: slots go in chunks, and the head's weight in parts.
 */

import { storedElementBytes } from '../../weightStream';
import type { DispatchList } from '../dispatches';
import type { MatrixPart } from '../gpuWeights';
import { crossEntropyKernel, lossKernel } from '../kernels/head';
import type { MatmulShape } from '../kernels/product';
import { domainSize } from '../kernels/wgsl';
import { bindings, norm, normBackward, type PlanContext, product } from './context';
import type { HeadBuffers } from './headBuffers';

/** The final norm of the slots. */
export function recordFinalNorm(context: PlanContext, head: HeadBuffers): void {
  const output = context.layers[context.layers.length - 1].output;
  norm(context, 'slots', output, context.weights.finalNorm, head.normed, head.stats);
}

/**
 * One list a chunk: logits, losses, and where `gradient` the gradient of the normed rows, which replaces them.
 * After a list without gradient `logits` has the chunk's logits.
 */
export function recordChunks(context: PlanContext, head: HeadBuffers, gradient: boolean): DispatchList[] {
  const { spec, weights, recorder, tables, headParts } = context;
  return head.chunks.map((chunk) => {
    const rows = (counts: Parameters<typeof domainSize>[1]) => domainSize('chunk', counts, chunk);
    for (const part of headParts) {
      const bias = weights.head.bias ? [biasPart(context, part)] : [];
      const resources = [chunk.uniform, head.normed, part.binding, ...bias, head.logits];
      product(context, headShapeOf(context, part, 'NT', false), resources, rows);
    }
    recorder.add(
      crossEntropyKernel({ vocab: spec.vocabSize, softcap: spec.logitSoftcap, gradient }),
      [tables.counts, chunk.uniform, tables.slotTargets, tables.targets, head.logits, head.scores],
      (counts) => [rows(counts), 1, 1],
    );
    if (gradient) {
      headParts.forEach((part, i) => {
        const resources = [chunk.uniform, head.logits, part.binding, head.normed];
        product(context, headShapeOf(context, part, 'NN', i > 0), resources, rows);
      });
    }
    return recorder.take();
  });
}

/** Part of the head's bias; its offset is aligned because a part's first row is a multiple of the alignment. */
function biasPart({ weights }: PlanContext, part: MatrixPart): GPUBufferBinding {
  const [bias] = bindings(weights.head.bias);
  const bytes = storedElementBytes(weights.head.bias?.dtype ?? 'F32');
  return part.firstRow === 0
    ? bias
    : { buffer: bias.buffer, offset: part.firstRow * bytes, size: Math.ceil((part.rows * bytes) / 4) * 4 };
}

function headShapeOf(
  { spec, weights }: PlanContext,
  part: MatrixPart,
  form: 'NT' | 'NN',
  onTop: boolean,
): MatmulShape {
  const { weight, bias } = weights.head;
  const shared = { form, weight: weight.dtype, domain: 'chunk' } as const;
  return form === 'NT'
    ? {
        ...shared,
        inner: spec.hidden,
        outer: part.rows,
        bias: bias?.dtype ?? null,
        add: null,
        localY: true,
        yStride: spec.vocabSize,
        yOffset: part.firstRow,
      }
    : {
        ...shared,
        inner: part.rows,
        outer: spec.hidden,
        bias: null,
        add: onTop ? 'result' : null,
        localX: true,
        xStride: spec.vocabSize,
        xOffset: part.firstRow,
      };
}

/** Losses of prompts, and where there is a gradient, through the final norm into the slots' gradient. */
export function recordLoss(context: PlanContext, head: HeadBuffers, slots: GPUBuffer | null): void {
  const { recorder, tables, capacity, weights } = context;
  recorder.add(lossKernel(), [tables.counts, tables.targets, head.scores, head.loss], () => [
    capacity.prompts,
    1,
    1,
  ]);
  if (!slots) return;
  const output = context.layers[context.layers.length - 1].output;
  normBackward(context, 'slots', output, weights.finalNorm, head.stats, head.normed, slots, 'set');
}
