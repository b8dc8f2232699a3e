/** @file Targets that are classes, and targets that are one class written in several ways. */
import type { Example } from './types';

export const MAX_CLASSES = 100;
/** A longer target is an answer, whatever comes again. */
const LONGEST_LABEL = 60;

/**
 * Distinct targets, sorted, when there are 2–100, each used twice or more; of many or often used ones a few may be used
 * once. Null where the targets are no classes.
 */
export function findClasses(examples: readonly Pick<Example, 'target'>[]): string[] | null {
  const uses = new Map<string, number>();
  for (const { target } of examples) {
    uses.set(target, (uses.get(target) ?? 0) + 1);
    if (uses.size > MAX_CLASSES) return null;
  }
  if (uses.size < 2 || examples.length < 2 * uses.size) return null;
  const once = [...uses.values()].filter((count) => count < 2).length;
  const often = examples.length >= 10 * uses.size;
  if (once > (often ? Math.max(1, uses.size / 4) : Math.floor(uses.size / 10))) return null;
  // By code unit, so that the order is the same in every language.
  return [...uses.keys()].sort();
}

/** One class in all the spellings that the rows have. */
export interface LabelVariants {
  /** The spelling of most rows, without outer white space. */
  label: string;
  /** Spellings as they stand, commonest first, with how many rows have each. */
  spellings: { text: string; rows: number }[];
}

/** Classes that are written in several ways; [] where the targets are no classes. */
export function findLabelVariants(examples: readonly Pick<Example, 'target'>[]): LabelVariants[] {
  const classes = new Map<string, Map<string, number>>();
  for (const { target } of examples) {
    const label = normalLabel(target);
    if (label.length > LONGEST_LABEL) return [];
    const spellings = classes.get(label) ?? new Map<string, number>();
    if (spellings.size === 0) classes.set(label, spellings);
    spellings.set(target, (spellings.get(target) ?? 0) + 1);
    if (classes.size > MAX_CLASSES) return [];
  }
  if (examples.length < 2 * classes.size) return [];
  return [...classes.values()]
    .filter((spellings) => spellings.size > 1)
    .map((counts) => {
      const spellings = [...counts].map(([text, rows]) => ({ text, rows })).sort((a, b) => b.rows - a.rows);
      const trimmed = new Map<string, number>();
      for (const { text, rows } of spellings)
        trimmed.set(text.trim(), (trimmed.get(text.trim()) ?? 0) + rows);
      const [label] = [...trimmed].reduce((most, each) => (each[1] > most[1] ? each : most));
      return { label, spellings };
    });
}

/** The examples with every class written in one way. */
export function joinLabels(examples: readonly Example[], variants: readonly LabelVariants[]): Example[] {
  const labels = new Map(
    variants.flatMap(({ label, spellings }) => spellings.map(({ text }) => [text, label] as const)),
  );
  return examples.map((example) => {
    const target = labels.get(example.target);
    if (target === undefined || target === example.target) return example;
    if (!example.turns) return { ...example, target };
    const turns = example.turns.map((turn, i) =>
      i === (example.turns?.length ?? 0) - 1 ? { ...turn, text: target } : turn,
    );
    return { ...example, target, turns };
  });
}

/** What spellings of one label have in common. */
function normalLabel(target: string): string {
  return target
    .normalize('NFKC')
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/\s*[.!。]+$/u, '')
    .toLowerCase();
}
