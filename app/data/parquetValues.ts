/**
 * @file Types of Parquet columns to text: hyparquet is asked for values as they are stored, and what they mean is told
 * from the schema. https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */
import type { FileMetaData, ParquetParsers, SchemaElement, SchemaTree } from 'hyparquet';
import {
  BOOLEAN,
  bytes,
  DATE,
  decimal,
  float,
  INTEGER,
  list,
  map,
  struct,
  TEXT,
  type TimeUnit,
  time,
  timestamp,
  UUID,
  type ValueCounts,
  type ValueText,
} from './values';

const decoder = new TextDecoder();
const asStored = <T>(value: T): T => value;
const asText = (value: Uint8Array | undefined) => value && decoder.decode(value);

/** Parsers that leave numbers exact, and what is text as it is. */
export const rawParsers: ParquetParsers = {
  timestampFromMilliseconds: asStored,
  timestampFromMicroseconds: asStored,
  timestampFromNanoseconds: asStored,
  dateFromDays: asStored,
  stringFromBytes: asText,
  jsonFromBytes: asText,
  geometryFromBytes: asStored,
  geographyFromBytes: asStored,
  uuidFromBytes: asStored,
};

/** Types that hyparquet would turn into inexact numbers or refuse; without them values come as they are stored. */
const HIDDEN = new Set(['DECIMAL', 'BSON', 'INTERVAL']);

/** The file's description with those types taken out of its schema. */
export function physical(metadata: FileMetaData): FileMetaData {
  const schema = metadata.schema.map((element) =>
    HIDDEN.has(element.converted_type ?? '') || element.logical_type?.type === 'DECIMAL'
      ? { ...element, converted_type: undefined, logical_type: undefined }
      : element,
  );
  return { ...metadata, schema };
}

/**
 * How the values of a column become text.
 * @param arrowTypes what Arrow's schema says of columns of the top level, where it says more
 */
export function describeColumn(
  tree: SchemaTree,
  counts: ValueCounts,
  arrowTypes: ReadonlyMap<string, ValueText> = new Map(),
): ValueText {
  const { element, children } = tree;
  const repeated = element.repetition_type === 'REPEATED';
  const inner = describeOne(tree, counts, arrowTypes);
  // A repeated field outside a list is a list by itself.
  return repeated && children.length === 0 ? list(inner) : inner;
}

function describeOne(
  { element, children }: SchemaTree,
  counts: ValueCounts,
  arrowTypes: ReadonlyMap<string, ValueText>,
): ValueText {
  if (children.length === 0) return arrowTypes.get(element.name) ?? describeLeaf(element, counts);
  const [child] = children;
  const inside = (tree: SchemaTree) => describeColumn(tree, counts);
  const single = children.length === 1 && child.element.repetition_type === 'REPEATED';
  if (element.converted_type === 'LIST' && single && child.children.length <= 1) {
    const item = child.children.length === 1 ? child.children[0] : child;
    return list(child.children.length === 1 ? inside(item) : describeOne(item, counts, new Map()));
  }
  if (element.converted_type === 'MAP' && single && child.children.length === 2) {
    return map(inside(child.children[0]), inside(child.children[1]));
  }
  const fields = struct(children.map((field) => [field.element.name, inside(field)]));
  return element.repetition_type === 'REPEATED' ? list(fields) : fields;
}

function describeLeaf(element: SchemaElement, counts: ValueCounts): ValueText {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') {
    return decimal(logical?.type === 'DECIMAL' ? logical.scale : (element.scale ?? 0));
  }
  if (logical?.type === 'UUID') return UUID;
  if (logical?.type === 'FLOAT16') return float(counts);
  if (converted === 'DATE' || logical?.type === 'DATE') return DATE;
  if (logical?.type === 'TIME') return time(unitOf(logical.unit));
  if (converted === 'TIME_MILLIS') return time('ms');
  if (converted === 'TIME_MICROS') return time('us');
  if (logical?.type === 'TIMESTAMP') {
    return timestamp(unitOf(logical.unit), logical.isAdjustedToUTC ? 'UTC' : null);
  }
  if (converted === 'TIMESTAMP_MILLIS') return timestamp('ms', null);
  if (converted === 'TIMESTAMP_MICROS') return timestamp('us', null);
  switch (type) {
    case 'BOOLEAN':
      return BOOLEAN;
    case 'INT96':
      return timestamp('ns', null);
    case 'INT32':
    case 'INT64':
      return INTEGER;
    case 'FLOAT':
    case 'DOUBLE':
      return float(counts);
    default:
      return isText(element) ? TEXT : bytes(counts);
  }
}

function isText({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return converted === 'UTF8' || converted === 'JSON' || converted === 'ENUM' || logical?.type === 'STRING';
}

function unitOf(unit: string): TimeUnit {
  return unit === 'MILLIS' ? 'ms' : unit === 'MICROS' ? 'us' : 'ns';
}
