/** @file Plain text to rows: a line an example, `input<TAB>target`, or fastText's `__label__` before its text. */
import { DataError } from './errors';
import { createPace, type WorkOptions } from './pace';
import { checkRowCount, countRows, emptyFile, finishTable } from './table';
import type { Table } from './types';

/** Labels of a line, then its text. */
const FASTTEXT = /^\s*((?:__label__\S+[\s,]*)+)(.*)$/;

/** @throws DataError with the line that has another number of tabs than the first one. */
export async function parseLines(
  name: string,
  text: string,
  notes: string[],
  work: WorkOptions,
): Promise<Table> {
  const pace = createPace(work);
  const source = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  const body = source.replace(/\s+$/, '');
  if (body === '') throw emptyFile(name);
  const first = /^.*\S.*$/m.exec(body)?.[0] ?? '';
  const labelled = FASTTEXT.test(first);
  const paired = !labelled && first.includes('\t');
  const columns = labelled ? ['text', 'label'] : paired ? ['input', 'target'] : ['text'];
  const rows: string[][] = [];
  const rowNumbers: number[] = [];
  let unlabelled = 0;
  for (let at = 0; at < body.length; ) {
    const newline = body.indexOf('\n', at);
    const end = newline < 0 ? body.length : newline;
    const line = body.slice(at, end);
    const row = rows.length + 1;
    if (labelled) {
      const cells = splitLabels(line);
      if (cells[1] === '' && line.trim() !== '') unlabelled++;
      rows.push(cells);
    } else if (paired) rows.push(splitPair(line, row));
    else rows.push([line]);
    rowNumbers.push(row);
    at = end + 1;
    checkRowCount(rows.length);
    await pace(Math.min(at, body.length), body.length);
  }
  const allNotes = [...notes];
  if (labelled)
    allNotes.push('The lines begin with labels as fastText writes them; __label__ was taken off.');
  if (unlabelled > 0) allNotes.push(`${countRows(unlabelled)} had no label; it was left empty.`);
  return finishTable({ name, format: 'txt', columns, rows, rowNumbers, notes: allNotes });
}

/** Whether a text's first line has fastText's labels. */
export function hasFastTextLabels(text: string): boolean {
  return FASTTEXT.test(/^.*\S.*$/m.exec(text)?.[0] ?? '');
}

/** Text and labels, several joined by commas. */
function splitLabels(line: string): [string, string] {
  const found = FASTTEXT.exec(line);
  if (!found) return [line, ''];
  const labels = found[1].split(/[\s,]+/).filter((label) => label !== '');
  return [found[2], labels.map((label) => label.slice('__label__'.length)).join(', ')];
}

function splitPair(line: string, row: number): [string, string] {
  const cells = line.split('\t');
  if (cells.length > 2) {
    throw new DataError(`${cells.length - 1} tabs; a line is input, one tab, target.`, {
      row,
      hint: 'Remove the extra tabs, or give the file the extension .tsv and a header line.',
    });
  }
  if (cells.length === 1 && line.trim() !== '') {
    throw new DataError('no tab, but the first line has one: a line is input, one tab, target.', {
      row,
      hint: 'Put a tab between input and target in every line, or in none.',
    });
  }
  return [cells[0], cells[1] ?? ''];
}
