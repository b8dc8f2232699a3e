/** @file A study's results on disk: a JSON line a cell, in a file for each model. */
import type { CellRecord } from './cells';
import { type Journal, openJournal, readJournal } from './journal';

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

export type StudyFile = Journal<StudyHeader, CellRecord>;

/**
 * The newest study of this model in a folder, or a new one there.
 * @param quick small studies are kept apart
 */
export function openStudy(folder: string, header: StudyHeader, quick = false): StudyFile {
  const end = `${quick ? 'quick-study' : 'study'}-${header.model}-${header.modelHash.slice(0, 8)}.jsonl`;
  return openJournal(folder, end, header);
}

/** @throws Error where the file is no study */
export function readStudy(path: string): StudyFile {
  return readJournal(path, 'study');
}

/** Six digits are more than any number here is good for. */
export function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
