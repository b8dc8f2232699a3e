/** @file Parquet to a table, one column of one row group at a time. */
import {
  type FileMetaData,
  parquetMetadata,
  parquetRead,
  parquetSchema,
  type RowGroup,
  type SchemaTree,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { classNamesOf, nameClasses } from './classNames';
import { DataError } from './errors';
import { featuresOf } from './features';
import { createPace, type WorkOptions } from './pace';
import { checkChunk, leavesOf } from './parquetCheck';
import { describeColumn, physical, rawParsers } from './parquetValues';
import { checkRowCount, cleanColumnNames, emptyFile, finishTable } from './table';
import type { Table } from './types';
import { cellText, noteCounts, type ValueCounts, type ValueText } from './values';

const MAX_UNPACKED = 1024 ** 3;
const MOST_COLUMNS = 1000;
const HINT = 'Save the file again, or export it as CSV or JSONL.';

export interface ParquetOptions extends WorkOptions {
  /** Read no more than so many rows, the first ones; all where left out. */
  mostRows?: number;
}

/** Nested values become JSON text. @throws DataError naming the first row of a row group that cannot be read. */
export async function parseParquet(name: string, bytes: Uint8Array, options: ParquetOptions): Promise<Table> {
  const metadata = readMetadata(name, bytes);
  checkSize(name, metadata, bytes.byteLength);
  const file = {
    byteLength: bytes.byteLength,
    slice: (start: number, end?: number) => copyOf(bytes.subarray(start, end)),
  };
  return readTable(name, file, metadata, options);
}

/** Part of a Parquet file as hyparquet asks for it. */
export interface ParquetFile {
  byteLength: number;
  slice(start: number, end?: number): ArrayBuffer | Promise<ArrayBuffer>;
}

/** The rows of a file whose end has been read already. @throws DataError */
export async function readTable(
  name: string,
  file: ParquetFile,
  metadata: FileMetaData,
  { mostRows = Number.POSITIVE_INFINITY, ...work }: ParquetOptions,
): Promise<Table> {
  const total = Math.min(Number(metadata.num_rows), mostRows);
  if (total === 0) throw emptyFile(name);
  checkRowCount(total);
  const { children } = parquetSchema(metadata);
  const counts: ValueCounts = { notANumber: 0, bytes: 0 };
  const arrowTypes = await describeArrow(metadata, children);
  const types = children.map((child) => describeColumn(child, counts, arrowTypes));
  const rows: string[][] = Array.from({ length: total }, () => new Array(children.length).fill(''));
  await readGroups(name, { file, metadata, children, types, rows }, work);
  const columns = cleanColumnNames(children.map(({ element }) => element.name));
  const notes: string[] = [];
  noteCounts(counts, notes);
  nameClasses(columns, rows, classNamesOf(featuresOf(metadataValue(metadata, 'huggingface'))), notes);
  const nested = types.flatMap((type, column) => (type.nested ? [column] : []));
  const rowNumbers = rows.map((_, i) => i + 1);
  return finishTable({ name, format: 'parquet', columns, rows, rowNumbers, nested, notes });
}

interface Reading {
  file: ParquetFile;
  metadata: FileMetaData;
  children: SchemaTree[];
  types: ValueText[];
  rows: string[][];
}

async function readGroups(name: string, reading: Reading, work: WorkOptions): Promise<void> {
  const { metadata, children, types, rows } = reading;
  const pace = createPace(work);
  const raw = physical(metadata);
  let groupStart = 0;
  for (const group of metadata.row_groups) {
    const groupEnd = groupStart + Number(group.num_rows);
    if (groupStart >= rows.length) break;
    for (let c = 0; c < children.length; c++) {
      const column = children[c].element.name;
      try {
        const file = await fetchChunks(reading.file, group, children[c]);
        const values = await readColumn({ ...reading, file, metadata: raw }, column, groupStart, groupEnd);
        const end = Math.min(groupEnd, rows.length);
        for (let r = groupStart; r < end; r++) {
          rows[r][c] = cellText(types[c], values[r - groupStart]);
          if (r % 256 === 0) await pace(rows.length * c + r, rows.length * children.length);
        }
      } catch (cause) {
        work.signal?.throwIfAborted();
        throw unreadable(name, column, groupStart + 1, groupEnd, cause);
      }
      await pace(groupStart + ((c + 1) / children.length) * (groupEnd - groupStart), rows.length);
    }
    groupStart = groupEnd;
  }
  await pace(rows.length, rows.length);
}

/**
 * The file with the chunks of one column in one row group already fetched, and found in order.
 * @throws RangeError where they are damaged
 */
async function fetchChunks(file: ParquetFile, group: RowGroup, column: SchemaTree): Promise<ParquetFile> {
  const chunks: { start: number; end: number; bytes: ArrayBuffer }[] = [];
  for (const leaf of leavesOf(column)) {
    const meta = group.columns
      .map(({ meta_data }) => meta_data)
      .find((found) => found?.path_in_schema.join('\n') === leaf.path.join('\n'));
    if (!meta) throw new RangeError('a column is missing');
    const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
    const end = start + Number(meta.total_compressed_size);
    const bytes = await file.slice(start, end);
    checkChunk(new Uint8Array(bytes), meta, leaf);
    chunks.push({ start, end, bytes });
  }
  return {
    byteLength: file.byteLength,
    slice: (start, end = file.byteLength) => {
      const chunk = chunks.find((one) => one.start <= start && end <= one.end);
      return chunk ? chunk.bytes.slice(start - chunk.start, end - chunk.start) : file.slice(start, end);
    },
  };
}

/** The values of one column in one row group. @throws whatever the library throws, RangeError where some are missing */
async function readColumn(
  { file, metadata }: Reading,
  column: string,
  rowStart: number,
  rowEnd: number,
): Promise<unknown[]> {
  const values: unknown[] = new Array(rowEnd - rowStart);
  let found = 0;
  await parquetRead({
    file,
    metadata,
    columns: [column],
    rowStart,
    rowEnd,
    compressors,
    parsers: rawParsers,
    utf8: false,
    onChunk: (chunk) => {
      const data = chunk.columnData;
      for (let i = 0; i < data.length; i++) values[chunk.rowStart - rowStart + i] = data[i];
      found += data.length;
    },
  });
  if (found !== values.length) throw new RangeError(`${found} values where there should be ${values.length}`);
  return values;
}

function unreadable(name: string, column: string, first: number, last: number, cause: unknown): DataError {
  if (cause instanceof DataError) return cause;
  const said = cause instanceof Error ? cause.message : '';
  // A page whose type is a number that the library has no name for is damage.
  const unsupported = /unsupported|not supported/i.test(said) && !said.includes('undefined');
  return new DataError(
    `rows ${first}–${last} of column “${column}” in “${name}” cannot be read: ${
      unsupported ? `${said.replace(/^parquet /, '')}` : 'the data is damaged'
    }.`,
    { row: first, hint: HINT, cause },
  );
}

/** @throws DataError */
function readMetadata(name: string, bytes: Uint8Array): FileMetaData {
  try {
    return parquetMetadata(copyOf(bytes), { parsers: rawParsers, geoparquet: false });
  } catch (cause) {
    throw unreadableFile(name, cause);
  }
}

export function unreadableFile(name: string, cause: unknown): DataError {
  return new DataError(`“${name}” is not a readable Parquet file: the description at its end is damaged.`, {
    hint: `The file may be cut short. ${HINT}`,
    cause,
  });
}

/**
 * @param mostRows how many rows will be read: groups beyond them do not count
 * @throws DataError where that is more than the page reads, or the file says of itself what cannot be
 */
export function checkSize(
  name: string,
  metadata: FileMetaData,
  byteLength: number,
  mostRows = Number.POSITIVE_INFINITY,
): void {
  const groups = metadata.row_groups;
  let unpacked = 0;
  let before = 0;
  for (const group of groups) {
    if (before < mostRows) unpacked += Number(group.total_byte_size);
    before += Number(group.num_rows);
  }
  if (unpacked > MAX_UNPACKED) {
    throw new DataError(
      `“${name}” unpacks to ${(unpacked / 1024 ** 3).toFixed(1)} GiB; at most 1 GiB is read.`,
      { hint: 'Keep the columns and rows that the task needs.' },
    );
  }
  if (parquetSchema(metadata).children.length > MOST_COLUMNS) {
    throw new DataError(`“${name}” has more than ${MOST_COLUMNS} columns.`, {
      hint: 'Keep the columns that the task needs.',
    });
  }
  const consistent = before === Number(metadata.num_rows) && groups.every((group) => fits(group, byteLength));
  if (!consistent) throw unreadableFile(name, new RangeError('sizes that do not fit the file'));
}

function fits({ columns, num_rows }: FileMetaData['row_groups'][number], byteLength: number): boolean {
  return (
    num_rows >= 0n &&
    columns.every(({ meta_data: meta }) => {
      if (!meta) return true;
      const start = Number(meta.dictionary_page_offset ?? meta.data_page_offset);
      return (
        start >= 0 && start + Number(meta.total_compressed_size) <= byteLength + 8 && meta.num_values >= 0n
      );
    })
  );
}

/** What a writer keeps beside the schema under a key. */
function metadataValue(metadata: FileMetaData, key: string): string | undefined {
  return metadata.key_value_metadata?.find((entry) => entry.key === key)?.value;
}

/**
 * Arrow's own schema, where it is there and says more than Parquet's: that whole numbers are lengths of time, and in
 * which time zone a moment is.
 */
async function describeArrow(
  metadata: FileMetaData,
  children: readonly SchemaTree[],
): Promise<ReadonlyMap<string, ValueText>> {
  const schema = metadataValue(metadata, 'ARROW:schema');
  const says = children.some(({ element: { type, logical_type: logical, converted_type: converted } }) =>
    type === 'INT64' ? (!logical && !converted) || logical?.type === 'TIMESTAMP' : false,
  );
  if (schema === undefined || !says) return new Map();
  const { timesOfSchema } = await import('./arrow');
  return timesOfSchema(schema);
}

/** The bytes as a buffer of their own, which hyparquet asks for. */
function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
