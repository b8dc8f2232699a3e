/**
 * @file What is dropped together to training, validation and test: one file, several, zips, folders as `datasets` and
 * the Hub lay them out. Names say which file is which part; shards of one part are joined.
 */
import { recognise } from '../formats/recognise';
import { unpackArchive } from './archive';
import { isDatasetSidecar } from './arrowFolder';
import { DataError } from './errors';
import type { WorkOptions } from './pace';
import { type ParsedFile, parseFile } from './parse';
import { PART_NAMES, type ParsedPart, type Part, partOfName } from './parts';
import { joinTables } from './table';
import type { DataFile, OpenedData, Table, TextEncoding } from './types';

export interface OpenOptions extends WorkOptions {
  /** Read text files in this encoding (a label that `TextDecoder` knows) instead of guessing. */
  encoding?: string;
}

/** What a dropped file may be; others beside data (a README, a licence) are left out with a word. */
const DATA_NAME = /\.(csv|tsv|tab|jsonl?|ndjson|parquet|pq|arrow|feather|xlsx|txt)$/i;
const BESIDE = /(^|\/)(readme|licen[cs]e|changelog|dataset_?card|citation|requirements)[^/]*$/i;

/**
 * Opens what was dropped together.
 * @throws DataError in words for the person; the signal's reason when aborted.
 */
export async function openData(files: readonly DataFile[], options: OpenOptions = {}): Promise<OpenedData> {
  const notes: string[] = [];
  const unpacked = unpackAll(files, notes);
  const read: { name: string; file: ParsedFile }[] = [];
  const sizes = unpacked.map(({ bytes }) => bytes.byteLength);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let before = 0;
  for (let i = 0; i < unpacked.length; i++) {
    const { name, bytes } = unpacked[i];
    const share = sizes[i];
    const work = {
      ...options,
      // Formats count in their own units; files together count in bytes.
      onProgress: (done: number, of: number) => {
        if (of === 0 && unpacked.length === 1) options.onProgress?.(0, 0);
        else options.onProgress?.(before + (done / Math.max(1, of)) * share, total);
      },
    };
    read.push({ name, file: await parseFile(name, bytes, work) });
    before += share;
  }
  const assigned = assign(read, notes);
  return { ...assigned, notes, encoding: encodingOf(read.map(({ file }) => file)) };
}

/** The files themselves, those in zips, without what is no data. @throws DataError where none is left. */
function unpackAll(files: readonly DataFile[], notes: string[]): DataFile[] {
  const all = files.flatMap((file) => {
    if (recognise(file.bytes)?.kind !== 'zip') return [file];
    const inside = unpackArchive(file.name, file.bytes);
    if (inside.length === 0)
      throw new DataError(`The zip “${file.name}” is empty.`, { hint: 'Zip the files of a dataset.' });
    return inside;
  });
  if (all.length === 0) {
    throw new DataError('There is no file to read.', {
      hint: 'Give one, or a folder or zip with files in it.',
    });
  }
  if (all.length === 1) return all;
  const data = all.filter(
    ({ name }) => !isDatasetSidecar(name) && DATA_NAME.test(name) && !BESIDE.test(name),
  );
  if (data.length === 0) {
    throw new DataError(
      `None of the ${all.length} files is a dataset: ${list(all.map(({ name }) => name))}.`,
      {
        hint: 'A dataset is CSV, TSV, JSON, JSONL, Parquet, Arrow, XLSX or TXT.',
      },
    );
  }
  const left = all.filter((file) => !data.includes(file) && !isDatasetSidecar(file.name));
  if (left.length > 0) notes.push(`Left out, since they are no data: ${list(left.map(({ name }) => name))}.`);
  return data;
}

type Assigned = Pick<OpenedData, 'train' | 'validation' | 'test'>;

/** @throws DataError where it cannot be told which file is which. */
function assign(read: readonly { name: string; file: ParsedFile }[], notes: string[]): Assigned {
  if (read.length === 1) return assignParts(read[0].name, read[0].file.parts, notes);
  const byPart: Record<Part, Table[]> = { train: [], validation: [], test: [] };
  const unnamed: ParsedPart[] = [];
  const names = distinctPaths(read.map(({ name }) => name));
  read.forEach(({ file }, i) => {
    for (const parsed of file.parts) {
      const part = parsed.part ?? partOfName(names[i]);
      if (part) byPart[part].push(parsed.table);
      else unnamed.push(parsed);
    }
  });
  if (unnamed.length > 0) placeUnnamed(byPart, unnamed, notes);
  return finishParts(byPart, notes);
}

/** One file: its own parts, if it names any. */
function assignParts(name: string, parts: readonly ParsedPart[], notes: string[]): Assigned {
  if (parts.length === 1) return { train: parts[0].table, validation: null, test: null };
  const byPart: Record<Part, Table[]> = { train: [], validation: [], test: [] };
  for (const { part, table } of parts) byPart[part ?? 'train'].push(table);
  if (byPart.train.length === 0) {
    throw new DataError(
      `“${name}” has rows for ${parts.map(({ part }) => PART_NAMES[part ?? 'train']).join(' and ')}, and none for training.`,
      {
        hint: 'Add rows called “train”.',
      },
    );
  }
  return finishParts(byPart, notes);
}

/** Files without a telling name: the rest of a named set is for training; shards are joined; else the person says. */
function placeUnnamed(byPart: Record<Part, Table[]>, unnamed: readonly ParsedPart[], notes: string[]): void {
  const tables = unnamed.map(({ table }) => table);
  const names = tables.map(({ name }) => name);
  const said = byPart.train.length + byPart.validation.length + byPart.test.length > 0;
  const alike = tables.every(({ columns }) => columns.join('\n') === tables[0].columns.join('\n'));
  if (said && byPart.train.length === 0 && (tables.length === 1 || alike)) {
    byPart.train.push(...tables);
    notes.push(
      `${list(names)} ${names.length === 1 ? 'was' : 'were'} taken for training, since the other files are for validation or test.`,
    );
    return;
  }
  if (!said && areShards(names) && alike) {
    byPart.train.push(...tables);
    return;
  }
  throw new DataError(
    `${list(names)}: the names do not say which ${names.length === 1 ? 'part it is' : 'is for training and which for validation or test'}.`,
    {
      hint: 'Put the word train, validation or test into each name and drop them together, or drop one file alone.',
    },
  );
}

/** Whether names differ in a number only: part-0001.csv, part-0002.csv. */
function areShards(names: readonly string[]): boolean {
  const pattern = (name: string) => name.replace(/\d+/g, '#');
  return names.length > 1 && names.every((name) => /\d/.test(name) && pattern(name) === pattern(names[0]));
}

function finishParts(byPart: Record<Part, Table[]>, notes: string[]): Assigned {
  if (byPart.train.length === 0) {
    const held = [...byPart.validation, ...byPart.test].map(({ name }) => name);
    throw new DataError(`No file is for training: ${list(held)}.`, {
      hint: 'Drop the training file with them, or one file alone: a part of its rows is then kept for validation.',
    });
  }
  const said: string[] = [];
  const joined = (part: Part): Table | null => {
    const tables = byPart[part];
    if (tables.length === 0) return null;
    said.push(`${PART_NAMES[part]} from ${list(tables.map(({ name }) => name))}`);
    return tables.length === 1 ? tables[0] : joinTables(tables);
  };
  const train = joined('train') as Table;
  const parts = { train, validation: joined('validation'), test: joined('test') };
  notes.push(`Rows for ${said.join('; ')}.`);
  return parts;
}

/** Paths without the folders that all of them share, which tell nothing of the parts. */
function distinctPaths(names: readonly string[]): string[] {
  const paths = names.map((name) => name.split('/'));
  let shared = 0;
  while (paths.every((path) => path.length > shared + 1 && path[shared] === paths[0][shared])) shared++;
  return paths.map((path) => path.slice(shared).join('/'));
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 4).map((name) => `“${name}”`);
  return names.length > 4 ? `${shown.join(', ')} and ${names.length - 4} more` : shown.join(', ');
}

/** The encoding of the text files: that of the first which is in doubt, else the first. */
function encodingOf(files: readonly ParsedFile[]): TextEncoding | null {
  const found = files.flatMap(({ encoding }) => (encoding ? [encoding] : []));
  return found.find(({ candidates }) => candidates.length > 1) ?? found[0] ?? null;
}
