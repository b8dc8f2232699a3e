/** @file Divides a text where something matches, in the ways that tokenizer files can ask for. */
import type { Find } from './regex';

export const BEHAVIORS = [
  'Removed',
  'Isolated',
  'MergedWithPrevious',
  'MergedWithNext',
  'Contiguous',
] as const;
export type Behavior = (typeof BEHAVIORS)[number];

/** A part of a text: `[start, end)`, and whether it matched. */
interface Section {
  start: number;
  end: number;
  matched: boolean;
}

/** All of the text, in matches and what stands between them. */
export function sections(text: string, find: Find): Section[] {
  const found: Section[] = [];
  if (text === '') return found;
  let at = 0;
  let from = 0;
  while (from <= text.length) {
    const match = find(text, from);
    if (!match) break;
    const [start, end] = match;
    if (start === end && start === at && found.length > 0) {
      // Nothing is found once more where a match has just ended.
      from = end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
      continue;
    }
    if (start > at) found.push({ start: at, end: start, matched: false });
    found.push({ start, end, matched: true });
    at = end;
    from = end;
  }
  if (at < text.length) found.push({ start: at, end: text.length, matched: false });
  return found;
}

/** The parts that are left; none of them is empty. */
export function divide(text: string, find: Find, behavior: Behavior, invert = false): Section[] {
  const all = sections(text, find);
  if (invert) for (const section of all) section.matched = !section.matched;
  return joined(all, behavior).filter(({ start, end }) => end > start);
}

function joined(all: Section[], behavior: Behavior): Section[] {
  switch (behavior) {
    case 'Isolated':
      return all;
    case 'Removed':
      return all.filter(({ matched }) => !matched);
    case 'Contiguous':
      return fold(all, (section, before) => section.matched === before.matched);
    case 'MergedWithPrevious':
      return fold(all, (section, before) => section.matched && !before.matched);
    case 'MergedWithNext': {
      const kept: Section[] = [];
      let wasMatched = false;
      for (const section of [...all].reverse()) {
        const next = kept.at(-1);
        if (section.matched && !wasMatched && next) next.start = section.start;
        else kept.push({ ...section });
        wasMatched = section.matched;
      }
      return kept.reverse();
    }
  }
}

/** Joins a section to the one before where `joins` says so, by whether they themselves matched. */
function fold(all: Section[], joins: (section: Section, before: Section) => boolean): Section[] {
  const kept: Section[] = [];
  all.forEach((section, i) => {
    const last = kept.at(-1);
    if (last && joins(section, all[i - 1])) last.end = section.end;
    else kept.push({ ...section });
  });
  return kept;
}
