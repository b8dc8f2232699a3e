/** @file The choices of a question as lines of text, named in the way in which the answers name them. */
import { cellText, isRecord } from './cells';
import { CHOICES, normalName, targetRank } from './columnNames';
import type { Table } from './types';

/** What stands before a choice: a letter, its number from 0 or from 1, or a dash where answers repeat its words. */
export type NumberedBy = 'letters' | 'zero' | 'one' | 'dash';

const SAMPLE = 1000;

/**
 * How the answers of a table name a choice.
 * @param choices how many each question has at most; 0 looks for lists of them in the table
 */
export function numbering(table: Table, choices = 0): NumberedBy {
  const ranked = table.columns
    .map((name, i) => ({ rank: targetRank(name), i }))
    .filter(({ rank }) => Number.isFinite(rank))
    .sort((a, b) => a.rank - b.rank);
  for (const { i } of ranked) {
    const answers = column(table, i);
    if (answers.length === 0) continue;
    if (answers.every((answer) => /^[A-Ja-j]$/.test(answer))) return 'letters';
    if (answers.every((answer) => /^\d$/.test(answer))) {
      const most = Math.max(...answers.map(Number));
      return most >= (choices || longestList(table)) ? 'one' : 'zero';
    }
  }
  return 'dash';
}

function column(table: Table, index: number): string[] {
  return table.rows
    .slice(0, SAMPLE)
    .map((row) => row[index].trim())
    .filter(Boolean);
}

function longestList(table: Table): number {
  const lists = table.columns.flatMap((name, i) =>
    CHOICES.includes(normalName(name)) ? column(table, i) : [],
  );
  const lengths = lists.map((cell) => {
    try {
      const value: unknown = JSON.parse(cell);
      return Array.isArray(value) ? value.length : 0;
    } catch {
      return 0;
    }
  });
  return Math.max(2, ...lengths);
}

/** "A. a bakery" on a line each. @param value a list of choices, `{label, text}` with a list of each, or an object of choices by their marks */
export function layOutChoices(value: unknown, by: NumberedBy): string {
  const own = isRecord(value) && Array.isArray(value.label) ? value.label.map(cellText) : null;
  const texts: unknown = own && isRecord(value) ? value.text : value;
  if (isRecord(texts)) {
    const choices = Object.entries(texts).filter(([, text]) => text !== null);
    return choices.map(([mark, text]) => `${mark}. ${cellText(text)}`).join('\n');
  }
  if (!Array.isArray(texts)) return cellText(value);
  return texts.map((text, i) => `${own ? `${own[i]}.` : choiceMark(by, i)} ${cellText(text)}`).join('\n');
}

export function choiceMark(by: NumberedBy, index: number): string {
  switch (by) {
    case 'letters':
      return `${String.fromCharCode(65 + index)}.`;
    case 'zero':
      return `${index}.`;
    case 'one':
      return `${index + 1}.`;
    case 'dash':
      return '-';
  }
}
