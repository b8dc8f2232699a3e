/**
 * @file What a run's prompt is compared with: the bare model, the person's instructions where they stand for this model, and
 * the first of these with examples in context.
 */
import { encodeInstructed, type TextModel } from '../data/instruct';
import { drawShots } from '../data/shots';
import type { Example, TokenExample } from '../data/types';
import type { Words } from '../training/proof';
import type { RunSettings } from '../training/types';
import type { ActiveDataset } from './datasetSlot';
import type { ActiveModel } from './modelSlot';

type WordSettings = Pick<RunSettings, 'instructions' | 'shots' | 'seed'>;

/** Instructions that the model's chat template refuses with some row are left out, and examples that do not fit its context. */
export async function wordsFor(
  settings: WordSettings,
  model: ActiveModel,
  { dataset }: ActiveDataset,
): Promise<Words[]> {
  // Of plain text all is learned: there is nothing that an instruction could ask for.
  if (dataset.report.options.kind === 'plainText') return [];
  const text = {
    tokenizer: model.tokenizer,
    chat: model.chat,
    contextLength: model.engine.spec.contextLength,
  };
  const words: Words[] = [
    { name: 'bare', instruction: '', shots: 0, validation: dataset.validation, test: dataset.test },
  ];
  for (const [i, instruction] of settings.instructions.entries()) {
    const told = await encodeParts(dataset, instruction, [], text);
    if (told) words.push({ name: `instruction ${i + 1}`, instruction, shots: 0, ...told });
  }
  const shown = await inContext(settings, dataset, text);
  return shown ? [...words, shown] : words;
}

/** As many examples as fit before the longest row, at most as many as the settings say; null where not one does. */
async function inContext(
  { instructions: [instruction = ''], shots: most, seed }: WordSettings,
  dataset: ActiveDataset['dataset'],
  text: TextModel,
): Promise<Words | null> {
  if (most === 0) return null;
  const drawn = drawShots(dataset.trainingExamples, dataset.classes, most, seed);
  for (let count = drawn.length; count > 0; count--) {
    const shots = drawn.slice(0, count);
    if (!(await fitsLongest(dataset, instruction, shots, text))) continue;
    const told = await encodeParts(dataset, instruction, shots, text);
    const name = `${count} ${count === 1 ? 'example' : 'examples'} in context`;
    return told && fits(told.validation, dataset.validation) && fits(told.test, dataset.test)
      ? { name, instruction, shots: count, ...told }
      : null;
  }
  return null;
}

/** Looks at one row before all are encoded. */
async function fitsLongest(
  dataset: ActiveDataset['dataset'],
  instruction: string,
  shots: readonly Example[],
  text: TextModel,
): Promise<boolean> {
  const rows = [...dataset.validation, ...dataset.test];
  const examples = [...dataset.validationExamples, ...dataset.testExamples];
  const longest = rows.reduce(
    (most, { tokenIds }, i) => (tokenIds.length > rows[most].tokenIds.length ? i : most),
    0,
  );
  if (rows.length === 0) return true;
  const told = await encodeInstructed(dataset, [examples[longest]], instruction, text, shots);
  return told !== null && fits(told, [rows[longest]]);
}

/** Whether nothing was cut off these texts that was not cut off them before. */
function fits(told: readonly TokenExample[], own: readonly TokenExample[]): boolean {
  return told.every(({ cut }, i) => cut <= own[i].cut);
}

async function encodeParts(
  dataset: ActiveDataset['dataset'],
  instruction: string,
  shots: readonly Example[],
  text: TextModel,
): Promise<Pick<Words, 'validation' | 'test'> | null> {
  const validation = await encodeInstructed(dataset, dataset.validationExamples, instruction, text, shots);
  const test = await encodeInstructed(dataset, dataset.testExamples, instruction, text, shots);
  return validation && test ? { validation, test } : null;
}
