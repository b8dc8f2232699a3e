/** @file Final norm, head and losses of the slots, in chunks of as many logits as there is room for. */
import type { StepSource } from './forward';
import type { OpList } from './ops';
import { type Rows, rowsFrom } from './shapes';

export interface HeadChunk {
  /** The first slot, and how many. */
  first: number;
  slots: number;
}

export function headChunks({ buffers, layout }: StepSource): HeadChunk[] {
  const { slots } = layout.counts;
  const chunks: HeadChunk[] = [];
  for (let first = 0; first < slots; first += buffers.logitRows) {
    chunks.push({ first, slots: Math.min(buffers.logitRows, slots - first) });
  }
  return chunks;
}

export function recordFinalNorm(list: OpList, { spec, weights, buffers, layout }: StepSource): void {
  list.norm({
    spec: spec.norm,
    first: 0,
    last: layout.counts.slots,
    width: spec.hidden,
    x: buffers.output,
    ...weights.finalNorm,
    y: buffers.outputNormed,
    stats: buffers.outputStats,
  });
}

/** Logits of a chunk, and the scores of its labels; with `gradient`, logits become their gradient, and that of the normed rows is made. */
export function recordHeadChunk(
  list: OpList,
  { spec, weights, buffers }: StepSource,
  { first, slots }: HeadChunk,
  gradient: boolean,
): void {
  const { weight, bias } = weights.head;
  const logits: Rows = { at: buffers.logits, stride: spec.vocabSize };
  const rows = (at: number): Rows => rowsFrom({ at, stride: spec.hidden }, first);
  list.matmul({ form: 'NT', rows: slots, weight, bias, a: rows(buffers.outputNormed), c: logits });
  list.losses({
    slots,
    vocabulary: spec.vocabSize,
    logits: buffers.logits,
    firstSlot: first,
    slotTargets: buffers.slotTargets,
    targets: buffers.targets,
    scores: buffers.scores,
    softcap: spec.logitSoftcap,
    gradient,
  });
  if (gradient && buffers.gradients) {
    list.matmul({ form: 'NN', rows: slots, weight, a: logits, c: rows(buffers.gradients.output) });
  }
}
