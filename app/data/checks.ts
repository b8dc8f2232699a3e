/** @file What a person may want to know of their rows before training: each said with counts and the first rows it is seen in. */
import { findClasses, type LabelVariants } from './labels';
import { countRows } from './table';
import type { DataCheck, Example } from './types';

const SHOWN_ROWS = 5;
const SHOWN_NAMES = 4;
/** From here on one class is nearly all there is. */
const NEARLY_ALL = 0.9;
/** An input said so often is an instruction, not something that has a right answer. */
const COMMON_INPUT = 20;

/** Input as far as two are the same to a reader. */
export function inputKey({ input, target }: Pick<Example, 'input' | 'target'>): string {
  return (input.trim() === '' ? target : input).trim().replace(/\s+/g, ' ').toLowerCase();
}

/** Keys of inputs that stand for one case; others, an instruction that every row repeats, are left out. */
export function telling(keys: readonly string[]): ReadonlySet<string> {
  const uses = new Map<string, number>();
  for (const key of keys) uses.set(key, (uses.get(key) ?? 0) + 1);
  const most = Math.max(COMMON_INPUT, keys.length / COMMON_INPUT);
  return new Set([...uses].filter(([, count]) => count <= most).map(([key]) => key));
}

/** @param joined whether the spellings count as one already */
export function checkLabels(variants: readonly LabelVariants[], joined: boolean): DataCheck[] {
  if (variants.length === 0) return [];
  const rows = variants.reduce(
    (sum, { spellings }) => sum + spellings.reduce((all, each) => all + each.rows, 0),
    0,
  );
  const named = variants.slice(0, SHOWN_NAMES).map(({ label, spellings }) => {
    const texts = spellings.slice(0, SHOWN_NAMES).map(({ text, rows: uses }) => `“${text}” (${uses})`);
    return joined ? `${texts.join(', ')} count as “${label}”` : texts.join(', ');
  });
  const more = variants.length > SHOWN_NAMES ? `; and ${variants.length - SHOWN_NAMES} more` : '';
  return [
    {
      kind: 'labelVariants',
      text: joined
        ? `Answers written in several ways are joined, in ${countRows(rows)}: ${named.join('; ')}${more}.`
        : `${variants.length === 1 ? 'An answer is' : `${variants.length} answers are`} written in several ways, in ${countRows(rows)}: ${named.join('; ')}${more}.`,
      rows: [],
      action: joined ? 'separateLabels' : 'joinLabels',
    },
  ];
}

/** Checks of inputs and targets side by side. */
export function checkExamples(examples: readonly Example[]): DataCheck[] {
  const pairs = examples.filter(({ input }) => input.trim() !== '');
  return [...checkDisagreement(pairs), ...checkTargetInInput(pairs), ...checkBalance(examples)];
}

function checkDisagreement(examples: readonly Example[]): DataCheck[] {
  const keys = examples.map(inputKey);
  const tell = telling(keys);
  const byInput = new Map<string, Example[]>();
  examples.forEach((example, i) => {
    if (!tell.has(keys[i])) return;
    const same = byInput.get(keys[i]);
    if (same) same.push(example);
    else byInput.set(keys[i], [example]);
  });
  const split = [...byInput.values()].filter(
    (same) => same.length > 1 && new Set(same.map(({ target }) => target.trim())).size > 1,
  );
  if (split.length === 0) return [];
  const rows = split.flat().map(({ row }) => row);
  return [
    {
      kind: 'disagreement',
      text: `${split.length === 1 ? 'One input has' : `${split.length.toLocaleString('en')} inputs have`} different targets, in ${countRows(rows.length)}.`,
      rows: rows.slice(0, SHOWN_ROWS),
      action: null,
    },
  ];
}

function checkTargetInInput(examples: readonly Example[]): DataCheck[] {
  const holding = examples.filter(({ input, target }) => holdsWords(input, target));
  const least = findClasses(examples) ? 0.5 : NEARLY_ALL;
  if (holding.length < 3 || holding.length < least * examples.length) return [];
  return [
    {
      kind: 'targetInInput',
      text: `In ${countRows(holding.length)} of ${examples.length.toLocaleString('en')} the target stands in the input already. That is right where it is to be found there; else choose another input column.`,
      rows: holding.slice(0, SHOWN_ROWS).map(({ row }) => row),
      action: 'chooseColumns',
    },
  ];
}

function holdsWords(input: string, target: string): boolean {
  const words = target.trim().toLowerCase();
  if (words.length < 2) return false;
  const text = input.toLowerCase();
  const isLetter = (character: string) => /[\p{L}\p{N}]/u.test(character);
  for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + 1)) {
    const before = text[at - 1] ?? ' ';
    const after = text[at + words.length] ?? ' ';
    if (!isLetter(before) && !isLetter(after)) return true;
  }
  return false;
}

function checkBalance(examples: readonly Example[]): DataCheck[] {
  if (examples.length < 10) return [];
  const uses = new Map<string, number>();
  for (const { target } of examples) uses.set(target, (uses.get(target) ?? 0) + 1);
  const [target, most] = [...uses].reduce((found, each) => (each[1] > found[1] ? each : found));
  if (most < NEARLY_ALL * examples.length || target.length > 200) return [];
  const text =
    uses.size === 1
      ? `Every target is “${target.trim()}”: there is nothing to tell apart.`
      : `${most.toLocaleString('en')} of ${examples.length.toLocaleString('en')} targets are “${target.trim()}”: always answering that would be right in ${Math.floor((100 * most) / examples.length)} % of the rows.`;
  const others = examples.filter((example) => example.target !== target).slice(0, SHOWN_ROWS);
  return [{ kind: 'oneClass', text, rows: others.map(({ row }) => row), action: null }];
}

/** @param rows of which the target, or the input, has no text */
export function checkEmpty(kind: 'emptyTargets' | 'emptyInputs', rows: readonly number[]): DataCheck[] {
  if (rows.length === 0) return [];
  const have = rows.length === 1 ? 'has' : 'have';
  return [
    {
      kind,
      text:
        kind === 'emptyTargets'
          ? `${countRows(rows.length)} ${have} no text to learn and ${rows.length === 1 ? 'is' : 'are'} left out.`
          : `${countRows(rows.length)} ${have} no input, only a target.`,
      rows: rows.slice(0, SHOWN_ROWS),
      action: 'chooseColumns',
    },
  ];
}

/** @param rows training rows with the input of a row of the parts named */
export function checkAcross(rows: readonly number[], parts: string): DataCheck[] {
  if (rows.length === 0) return [];
  return [
    {
      kind: 'acrossSplit',
      text: `${countRows(rows.length)} for training ${rows.length === 1 ? 'has' : 'have'} the input of a row in the ${parts}, and ${rows.length === 1 ? 'is' : 'are'} left out.`,
      rows: rows.slice(0, SHOWN_ROWS),
      action: null,
    },
  ];
}
