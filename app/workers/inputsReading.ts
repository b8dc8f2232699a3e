/** @file Whether the model knows the kind of text that a person's inputs are: said before anything is trained on them. */
import type { Dataset } from '../data/dataset';
import { inputTokens } from '../data/pack';
import { inputsLoss } from '../evaluation/inputsLoss';
import { drawRows } from '../evaluation/pickRows';
import type { ActiveModel } from './modelSlot';
import type { InputsReading } from './protocol';

/** Inputs that are read. */
const ROWS = 16;
/** Numbers that a reading may multiply: a second or two of two cores. Of a large model fewer inputs are read, and less of each. */
const MOST_WORK = 60e9;
const FEWEST_ROWS = 4;
const FEWEST_TOKENS = 24;
const MOST_TOKENS = 128;

/** Null where the inputs are too short to tell. @throws the signal's reason when aborted */
export async function readInputs(
  { engine, report }: Pick<ActiveModel, 'engine' | 'report'>,
  { training, trainingExamples }: Pick<Dataset, 'training' | 'trainingExamples'>,
  signal: AbortSignal,
): Promise<InputsReading | null> {
  const most = MOST_WORK / report.parameters;
  const tokens = Math.min(MOST_TOKENS, Math.max(FEWEST_TOKENS, Math.floor(most / ROWS)));
  const rows = drawRows(training.length, Math.min(ROWS, Math.max(FEWEST_ROWS, Math.floor(most / tokens))));
  const texts = rows.map((row) => training[row]);
  const began = performance.now();
  const found = await inputsLoss(engine, texts, { mostTokens: tokens, signal });
  if (!found) return null;
  const seconds = Math.max(0.001, (performance.now() - began) / 1000);
  const words = rows.reduce((sum, row) => sum + countWords(trainingExamples[row].input), 0);
  const pieces = texts.reduce((sum, text) => sum + inputTokens(text).length, 0);
  return {
    ...found,
    pieces: pieces / Math.max(1, words),
    // Every weight takes part once in a product and once in a sum, for each token.
    flops: (2 * report.parameters * found.tokens) / seconds,
  };
}

function countWords(text: string): number {
  return text.split(/\s+/u).filter((word) => word !== '').length;
}
