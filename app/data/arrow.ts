/** @file Arrow to a table: IPC files, streams and Feather, as `datasets` saves them, also compressed. Loaded when used. */
import {
  TimeUnit as ArrowUnit,
  CompressionType,
  type DataType,
  DateUnit,
  IntervalUnit,
  setCompressionCodec,
  Type,
  tableFromIPC,
} from '@uwdata/flechette';
import { decompress } from 'fzstd';
import { checkBatch } from './arrowBatches';
import { classNamesOf, nameClasses } from './classNames';
import { DataError } from './errors';
import { featuresOf } from './features';
import { checkArrow } from './flatbuffers';
import { decodeLz4Frame } from './lz4';
import { createPace, type WorkOptions } from './pace';
import { checkRowCount, cleanColumnNames, emptyFile, finishTable } from './table';
import type { Table } from './types';
import {
  BOOLEAN,
  bytes as bytesText,
  cellText,
  DATE,
  decimal,
  duration,
  float,
  INTEGER,
  list,
  map,
  noteCounts,
  struct,
  TEXT,
  type TimeUnit,
  time,
  timestamp,
  UUID,
  type ValueCounts,
  type ValueText,
} from './values';

const HINT = 'Save it again, or export it as Parquet, CSV or JSONL.';
const UNITS: Record<number, TimeUnit> = {
  [ArrowUnit.SECOND]: 's',
  [ArrowUnit.MILLISECOND]: 'ms',
  [ArrowUnit.MICROSECOND]: 'us',
  [ArrowUnit.NANOSECOND]: 'ns',
};

setCompressionCodec(CompressionType.LZ4_FRAME, { encode: noEncoding, decode: decodeLz4Frame });
setCompressionCodec(CompressionType.ZSTD, {
  encode: noEncoding,
  decode: (data) => aligned(decompress(data)),
});

function noEncoding(): never {
  throw new Error('Arrow is only read.');
}

/** @throws DataError where the bytes are no whole Arrow file. */
export async function parseArrow(name: string, bytes: Uint8Array, work: WorkOptions): Promise<Table> {
  if (bytes[0] === 0x46) {
    throw new DataError(`“${name}” is a Feather file of version 1, which is not read.`, {
      hint: 'Save it again with a recent pyarrow or pandas, which write version 2, or as Parquet.',
    });
  }
  const pace = createPace(work);
  const opened = open(name, bytes);
  checkRowCount(opened.numRows);
  if (opened.numRows === 0) throw emptyFile(name);
  const { fields, metadata } = opened.schema;
  const counts: ValueCounts = { notANumber: 0, bytes: 0 };
  const columns = cleanColumnNames(fields.map((field) => field.name));
  const rows: string[][] = Array.from({ length: opened.numRows }, () => new Array(fields.length));
  const nested: number[] = [];
  for (let c = 0; c < fields.length; c++) {
    let row = 0;
    try {
      const text = typeText(fields[c].type, fields[c].metadata, counts);
      if (text.nested) nested.push(c);
      const column = opened.getChildAt(c);
      for (const batch of column.data) checkBatch(batch);
      for (; row < rows.length; row++) {
        const value = column.at(row);
        // A number of a dictionary that has no such entry.
        if (value === undefined) throw new RangeError('a value is missing');
        rows[row][c] = cellText(text, value);
        if (row % 256 === 0) await pace(c * rows.length + row, fields.length * rows.length);
      }
    } catch (cause) {
      work.signal?.throwIfAborted();
      if (cause instanceof DataError) throw cause;
      throw new DataError(`column “${fields[c].name}” of “${name}” cannot be read: the file is damaged.`, {
        row: row + 1,
        hint: HINT,
        cause,
      });
    }
  }
  await pace(1, 1);
  const notes: string[] = [];
  noteCounts(counts, notes);
  nameClasses(columns, rows, classNamesOf(featuresOf(metadata?.get('huggingface'))), notes);
  const rowNumbers = rows.map((_, i) => i + 1);
  return finishTable({ name, format: 'arrow', columns, rows, rowNumbers, nested, notes });
}

function open(name: string, bytes: Uint8Array) {
  try {
    checkArrow(bytes);
    return tableFromIPC(aligned(bytes), {
      useBigInt: true,
      useBigIntTimestamp: true,
      useDecimalInt: true,
    });
  } catch (cause) {
    throw new DataError(`“${name}” is not a readable Arrow file.`, {
      hint: `It may be cut short or damaged. ${HINT}`,
      cause,
    });
  }
}

/** Arrow's buffers are viewed where they lie, which asks for a start at a multiple of 8. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
}

/**
 * Types of columns that Parquet stores as plain numbers, from the Arrow schema that pyarrow keeps beside them: lengths
 * of time, and moments with their time zone.
 * @param base64 an encapsulated schema message
 */
export function timesOfSchema(base64: string): Map<string, ValueText> {
  const found = new Map<string, ValueText>();
  try {
    const message = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    checkArrow(message);
    for (const { name, type } of tableFromIPC(message).schema.fields) {
      if (type.typeId === Type.Duration) found.set(name, duration(UNITS[type.unit]));
      if (type.typeId === Type.Timestamp && type.timezone) {
        // Parquet has no seconds: they were stored as milliseconds.
        const unit = type.unit === ArrowUnit.SECOND ? 'ms' : UNITS[type.unit];
        found.set(name, timestamp(unit, type.timezone));
      }
    }
  } catch {
    // It only adds to what Parquet's own schema says.
  }
  return found;
}

/** @throws DataError for the types that no cell can show. */
function typeText(
  type: DataType,
  metadata: Map<string, string> | null | undefined,
  counts: ValueCounts,
): ValueText {
  const inner = (at: number) => typeText(childrenOf(type)[at].type, childrenOf(type)[at].metadata, counts);
  switch (type.typeId) {
    case Type.Null:
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Utf8View:
      return TEXT;
    case Type.Int:
      return INTEGER;
    case Type.Float:
      return float(counts);
    case Type.Bool:
      return BOOLEAN;
    case Type.Decimal:
      return decimal(type.scale);
    case Type.Date:
      // The library gives both kinds of dates in milliseconds.
      return type.unit === DateUnit.DAY || type.unit === DateUnit.MILLISECOND ? dateOfMilliseconds : DATE;
    case Type.Time:
      return time(UNITS[type.unit]);
    case Type.Timestamp:
      return timestamp(UNITS[type.unit], type.timezone ?? null);
    case Type.Duration:
      return duration(UNITS[type.unit]);
    case Type.Binary:
    case Type.LargeBinary:
    case Type.BinaryView:
      return bytesText(counts);
    case Type.FixedSizeBinary:
      return metadata?.get('ARROW:extension:name') === 'arrow.uuid' ? UUID : bytesText(counts);
    case Type.List:
    case Type.LargeList:
    case Type.ListView:
    case Type.LargeListView:
    case Type.FixedSizeList:
      return list(inner(0));
    case Type.Struct:
      return struct(type.children.map((field, i) => [field.name, inner(i)]));
    case Type.Map: {
      const [key, value] = childrenOf(childrenOf(type)[0].type);
      return map(typeText(key.type, key.metadata, counts), typeText(value.type, value.metadata, counts));
    }
    case Type.Dictionary:
      return typeText(type.dictionary, null, counts);
    case Type.RunEndEncoded:
      return inner(1);
    case Type.Interval:
      return type.unit === IntervalUnit.YEAR_MONTH ? INTEGER : list(INTEGER);
    default:
      throw new DataError('the file has a column of mixed types (a union), which no table can hold.', {
        hint: HINT,
      });
  }
}

const dateOfMilliseconds: ValueText = {
  ...DATE,
  cell: (value) => DATE.cell(Math.floor(Number(value) / 86_400_000)),
  json: (value) => DATE.json(Math.floor(Number(value) / 86_400_000)),
};

interface Field {
  name: string;
  type: DataType;
  metadata?: Map<string, string> | null;
}

function childrenOf(type: DataType): Field[] {
  return (type as { children?: Field[] }).children ?? [];
}
