/** @file What a run's prompt is compared with: the bare model, and the person's instructions where they stand for this model. */
import { encodeInstructed } from '../data/instruct';
import type { Words } from '../training/proof';
import type { RunSettings } from '../training/types';
import type { ActiveDataset } from './datasetSlot';
import type { ActiveModel } from './modelSlot';

/** Instructions that the model's chat template refuses with some row are left out. */
export async function wordsFor(
  { instructions }: Pick<RunSettings, 'instructions'>,
  model: ActiveModel,
  { dataset }: ActiveDataset,
): Promise<Words[]> {
  // Of plain text all is learned: there is nothing that an instruction could ask for.
  if (dataset.report.options.kind === 'plainText') return [];
  const told = instructions.map((instruction, i) => ({ name: `instruction ${i + 1}`, instruction }));
  const text = {
    tokenizer: model.tokenizer,
    chat: model.chat,
    contextLength: model.engine.spec.contextLength,
  };
  const words: Words[] = [
    { name: 'bare', instruction: '', validation: dataset.validation, test: dataset.test },
  ];
  for (const { name, instruction } of told) {
    const validation = await encodeInstructed(dataset, dataset.validationExamples, instruction, text);
    const test = await encodeInstructed(dataset, dataset.testExamples, instruction, text);
    if (validation && test) words.push({ name, instruction, validation, test });
  }
  return words;
}
