/** @file How an input looked in training, so that it looks the same when it is asked: its template, and the chat around it. */
import { compileTemplate, templateColumns } from '../data/template';
import type { ActiveDataset } from './datasetSlot';

export interface InputForm {
  /** Puts what is typed where the input stood; a template of several columns cannot be filled from one box, and is left out. */
  fill(input: string): string;
  /** System text of the chat whose user the input is; null puts the text as it stands. Counts only where the model has a chat template. */
  systemText: string | null;
}

/** Inputs as they are typed. */
export const plainForm: InputForm = { fill: (input) => input, systemText: null };

/** The form that a dataset's texts have. */
export function formOfData({ dataset }: Pick<ActiveDataset, 'dataset'>): InputForm {
  const { inputTemplate, columns } = dataset.written;
  return {
    fill: filler(inputTemplate, columns),
    systemText: dataset.chatFormat?.systemText ?? null,
  };
}

/** The form that a prompt file's card tells of; not `readable` where its template cannot be made out. */
export function formOfCard(card: Record<string, string>): { form: InputForm; readable: boolean } {
  // Files of our own say whether it was a chat; of others, and without any, the model's own way is the best guess.
  const { inputTemplate, systemText = '', chat = String(inputTemplate === undefined) } = card;
  const form = { ...plainForm, systemText: chat === 'true' ? systemText : null };
  if (!inputTemplate) return { form, readable: true };
  const columns = templateColumns(inputTemplate);
  try {
    return { form: { ...form, fill: filler(inputTemplate, columns) }, readable: true };
  } catch {
    return { form, readable: false };
  }
}

/** @throws DataError where a brace has no partner */
function filler(template: string, columns: readonly string[]): InputForm['fill'] {
  const { columns: used, fill } = compileTemplate(template, columns);
  if (new Set(used).size !== 1) return plainForm.fill;
  return (input) => fill(columns.map(() => input));
}
