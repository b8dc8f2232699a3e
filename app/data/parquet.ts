/** @file Parquet to a table, one row group at a time. */
import { type FileMetaData, parquetMetadata, parquetReadObjects, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { cellText } from './cells';
import { DataError } from './errors';
import { createPace, type WorkOptions } from './pace';
import { checkRowCount, cleanColumnNames, emptyFile, finishTable } from './table';
import type { Table } from './types';

const MAX_UNPACKED = 1024 ** 3;
const HINT = 'Save the file again, or export it as CSV or JSONL.';

/** Nested values become JSON text. @throws DataError naming the first row of a row group that cannot be read. */
export async function parseParquet(name: string, bytes: Uint8Array, work: WorkOptions): Promise<Table> {
  const metadata = readMetadata(name, bytes);
  const total = Number(metadata.num_rows);
  if (total === 0) throw emptyFile(name);
  checkRowCount(total);
  const unpacked = metadata.row_groups.reduce((sum, group) => sum + Number(group.total_byte_size), 0);
  if (unpacked > MAX_UNPACKED) {
    throw new DataError(
      `“${name}” unpacks to ${(unpacked / 1024 ** 3).toFixed(1)} GiB; at most 1 GiB is read.`,
      { hint: 'Keep the columns and rows that the task needs.' },
    );
  }
  const pace = createPace(work);
  const keys = parquetSchema(metadata).children.map((child) => child.element.name);
  const file = {
    byteLength: bytes.byteLength,
    slice: (start: number, end?: number) => copyOf(bytes.subarray(start, end)),
  };
  const rows: string[][] = [];
  for (const group of metadata.row_groups) {
    const rowStart = rows.length;
    const rowEnd = rowStart + Number(group.num_rows);
    let records: Record<string, unknown>[];
    try {
      records = await parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors });
    } catch (cause) {
      throw new DataError(
        `rows ${rowStart + 1}–${rowEnd} of “${name}” cannot be read: ${(cause as Error).message}.`,
        { row: rowStart + 1, hint: HINT, cause },
      );
    }
    for (const record of records) rows.push(keys.map((key) => cellText(record[key])));
    await pace(rows.length, total);
  }
  const rowNumbers = rows.map((_, i) => i + 1);
  return finishTable({
    name,
    format: 'parquet',
    columns: cleanColumnNames(keys),
    rows,
    rowNumbers,
    notes: [],
  });
}

function readMetadata(name: string, bytes: Uint8Array): FileMetaData {
  try {
    return parquetMetadata(copyOf(bytes));
  } catch (cause) {
    throw new DataError(`“${name}” is not a readable Parquet file: ${(cause as Error).message}.`, {
      hint: `The file may be cut short. ${HINT}`,
      cause,
    });
  }
}

/** The bytes as a buffer of their own, which hyparquet asks for. */
function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
