/** @file Memory in words: how much, what is saved, and what to change where it does not fit. */
import type { MemoryReport, Saving } from '../workers/protocol';

export const GIBIBYTE = 2 ** 30;

/** From here on memory is said in gigabytes. */
const SAID_IN_GIGABYTES = 0.95 * GIBIBYTE;

/** Bytes as memory is sold: "1.2 GB" of 1,073,741,824 bytes each, "38 MB". */
export function memoryWords(bytes: number): string {
  if (bytes >= SAID_IN_GIGABYTES) return `${gigabytes(bytes)} GB`;
  const megabytes = bytes / 2 ** 20;
  return `${megabytes >= 10 ? megabytes.toFixed(0) : Number(megabytes.toFixed(1))} MB`;
}

/** "1.2 of 8 GB"; small amounts in megabytes: "38 MB of 8 GB". */
export function ofBudget(used: number, budget: number): string {
  if (used < 0.1 * GIBIBYTE || budget < 0.1 * GIBIBYTE)
    return `${memoryWords(used)} of ${memoryWords(budget)}`;
  // A hair too much must not look like just enough.
  const close = gigabytes(used) === gigabytes(budget);
  return `${gigabytes(used, close ? 2 : 1)} of ${gigabytes(budget, close ? 2 : 1)} GB`;
}

function gigabytes(bytes: number, digits = 1): string {
  const value = bytes / GIBIBYTE;
  return value >= 100 ? value.toFixed(0) : String(Number(value.toFixed(digits)));
}

export const savingWords: Record<Saving, string> = {
  all: 'keeps everything',
  half: 'keeps activations in half precision',
  mlp: 'recomputes the MLPs',
  layers: 'recomputes the layers',
};

/** What bears on memory and can be changed. */
export interface Levers {
  batchSize: number;
  longestExample: number;
  virtualTokens: number;
  /** The model's weights could be 8-bit and are not. */
  int8Possible: boolean;
}

/** Why a run would not fit and what to change, the most effective first; null where it fits. */
export function memoryAdvice(
  report: MemoryReport,
  levers: Levers,
): { message: string; steps: string[] } | null {
  if (report.fits) return null;
  const { weights, training, budget } = report;
  const message =
    weights > budget
      ? `The model’s weights alone take ${memoryWords(weights)}, more than the ${memoryWords(budget)} that may be used.`
      : `Training would take ${memoryWords(weights + training)}, more than the ${memoryWords(budget)} that may be used.`;
  const steps: string[] = [];
  if (weights <= budget) {
    if (levers.batchSize > 1) steps.push(`a smaller batch (now ${levers.batchSize})`);
    steps.push(`a shorter longest example in Data (now ${levers.longestExample} tokens)`);
    if (levers.virtualTokens > 20) steps.push(`fewer virtual tokens (now ${levers.virtualTokens})`);
  }
  if (levers.int8Possible) steps.push('8-bit weights');
  steps.push('a smaller model');
  if (report.guessed) steps.push('a larger budget, if your GPU has more memory than guessed');
  return { message, steps };
}
