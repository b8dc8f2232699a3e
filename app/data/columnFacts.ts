/** @file What a column's cells say of it: text, number or name of a row, how often its values come again, what it is made of. */
import { isAboutRow, isIdName, normalName } from './columnNames';
import type { Table } from './types';

export interface ColumnFacts {
  name: string;
  /** Place in the table. */
  index: number;
  /** Characters of the cells that are not empty, on average. */
  meanLength: number;
  distinct: number;
  filled: number;
  /** All its values are numbers. */
  isNumber: boolean;
  /** Counts rows or names them; no text to learn from. */
  isId: boolean;
  /** Says something about the row: a date, an address, its language. */
  isAbout: boolean;
  /** Few values that come again and again. */
  isClassLike: boolean;
  /** Written from other columns, question and answer among them, with always the same words between. */
  isComposite: boolean;
}

const SAMPLE = 1000;
const MOST_CLASSES = 100;
const LONGEST_CLASS = 60;
/** Rows that a composite is looked for in: every cell is searched for every other. */
const COMPARED = 60;
/** A shorter text may stand in another by chance. */
const SHORT = 8;

export function describeColumns(table: Table): ColumnFacts[] {
  const sample = table.rows.slice(0, SAMPLE);
  const facts = table.columns.map((name, index) => describeColumn(name, index, sample));
  for (const fact of facts) fact.isComposite = isComposite(fact, facts, sample);
  return facts;
}

function describeColumn(name: string, index: number, rows: readonly string[][]): ColumnFacts {
  const filled = rows.map((row) => row[index]).filter((cell) => cell.trim() !== '');
  const distinct = new Set(filled).size;
  const numbers = filled.map(Number);
  const isNumber =
    filled.length > 0 && filled.every((cell, i) => cell.trim() !== '' && Number.isFinite(numbers[i]));
  const meanLength = filled.reduce((sum, cell) => sum + cell.length, 0) / Math.max(1, filled.length);
  return {
    name,
    index,
    meanLength,
    distinct,
    filled: filled.length,
    isNumber,
    isId: isIdName(name) || namesRows(filled, numbers, distinct, isNumber),
    isAbout:
      isAboutRow(name) ||
      // How many there are, not which.
      (isNumber && normalName(name) === 'tokens') ||
      (filled.length > 0 && filled.every(isAddressOrDate)),
    isClassLike:
      distinct > 1 &&
      distinct <= MOST_CLASSES &&
      2 * distinct <= filled.length &&
      meanLength <= LONGEST_CLASS,
    isComposite: false,
  };
}

function namesRows(
  cells: readonly string[],
  numbers: readonly number[],
  distinct: number,
  isNumber: boolean,
): boolean {
  if (cells.length < 3) return false;
  if (
    distinct === cells.length &&
    cells.every((cell) => /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$|^[0-9a-f]{24,64}$/i.test(cell))
  ) {
    return true;
  }
  if (!isNumber || !cells.every((cell) => /^\d+$/.test(cell))) return false;
  if (numbers.every((number, i) => number === numbers[0] + i)) return true;
  // Case numbers: they grow from row to row, and a few rows may share one.
  const grow = numbers.every((number, i) => i === 0 || number >= numbers[i - 1]);
  return grow && distinct > 0.4 * cells.length && numbers[0] >= 100;
}

function isAddressOrDate(cell: string): boolean {
  return /^(https?:\/\/|www\.)\S+$/.test(cell) || /^\d{4}-\d{2}-\d{2}([T ][\d:.+Z-]+)?$/.test(cell);
}

/**
 * Whether the cells are others' put together: the longest of the other texts and one more stand in each of them, and with
 * these taken out the same few words are left in every row.
 */
function isComposite(fact: ColumnFacts, all: readonly ColumnFacts[], rows: readonly string[][]): boolean {
  const others = all
    .filter((other) => other !== fact && other.filled > 0 && other.meanLength < fact.meanLength)
    .sort((a, b) => b.meanLength - a.meanLength);
  if (others.length < 2 || others[0].meanLength < SHORT || fact.isNumber || fact.filled < 2) return false;
  const left = new Set<string>();
  let looked = 0;
  let found = 0;
  for (const row of rows) {
    const text = row[fact.index];
    if (text.trim() === '') continue;
    looked++;
    const parts = others.map(({ index }) => row[index].trim());
    const inside = parts.filter((part) => part.length > 1 && text.includes(part));
    if (inside.length >= 2 && inside[0] === parts[0]) found++;
    left.add(inside.reduce((rest, part) => rest.split(part).join('\u0000'), text));
    if (looked === COMPARED) break;
  }
  return found >= 0.8 * looked && left.size <= Math.max(2, looked / 10);
}
