/**
 * @file A study's results on disk: one JSON line a cell, appended when the cell is done, so that a study that was broken off
 * goes on with the cells that are missing.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CellRecord } from './cells';

/** The first line. */
export interface StudyHeader {
  kind: 'study';
  /** Day on which it was begun. */
  date: string;
  model: string;
  /** Of the model's weights: numbers of another model are in another file. */
  modelHash: string;
  elementRms: number;
  machine: string;
  versions: Record<string, string>;
}

export interface StudyFile {
  path: string;
  header: StudyHeader;
  records: CellRecord[];
}

/**
 * The newest study of this model in a folder, or a new one there.
 * @param quick small studies are kept apart
 */
export function openStudy(folder: string, header: StudyHeader, quick = false): StudyFile {
  const end = `${quick ? 'quick-study' : 'study'}-${header.model}-${header.modelHash.slice(0, 8)}.jsonl`;
  // After the date and a hyphen.
  const found = existsSync(folder) ? readdirSync(folder).filter((name) => name.slice(11) === end) : [];
  const newest = found.sort().at(-1);
  if (newest) return readStudy(join(folder, newest));
  const path = join(folder, `${header.date}-${end}`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(header)}\n`);
  return { path, header, records: [] };
}

/**
 * A last line that was broken off while it was written is cut away, and its cell is missing.
 * @throws Error where the file is no study
 */
export function readStudy(path: string): StudyFile {
  const text = readFileSync(path, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole !== text) writeFileSync(path, whole);
  const lines = whole.split('\n').filter((line) => line !== '');
  const [header, ...records] = lines.map((line) => JSON.parse(line) as StudyHeader | CellRecord);
  if (header?.kind !== 'study') throw new Error(`${path} does not begin as a study’s results do.`);
  return { path, header, records: records.filter((record): record is CellRecord => record.kind === 'cell') };
}

/** Keeps a cell's outcome at once. */
export function append(study: StudyFile, record: CellRecord): void {
  appendFileSync(study.path, `${JSON.stringify(record)}\n`);
  study.records.push(record);
}

/** Six digits are more than any number here is good for. */
export function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
