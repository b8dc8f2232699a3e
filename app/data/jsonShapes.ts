/** @file Where the rows are in a JSON object: the shapes that pandas, the Hub's viewer and people write. */
import { isKnownColumnName } from './columnNames';
import { DataError, excerpt } from './errors';
import { JsonNumber, JsonObject, type JsonValue, jsonText } from './jsonReader';
import { type Part, partOfName } from './parts';
import { emptyFile } from './table';

export const SHAPES =
  'Expected a list of objects, [{"input": "…", "target": "…"}, …], one object with such a list, or lists by column, {"input": […], "target": […]}.';

/** Rows that were found, before they are cells. */
export interface FoundRows {
  part: Part | null;
  records: JsonValue[];
  notes: string[];
  /** The Hub's description of the columns, as plain data. */
  features?: unknown;
}

const SPEAKER_KEYS = ['role', 'from', 'speaker', 'author', 'user'];
const TEXT_KEYS = ['content', 'value', 'text', 'message', 'utterance', 'tool_calls'];
const ROLES =
  /^(system|user|human|assistant|gpt|bot|model|chatbot|ai|agent|customer|tool|function|observation|developer)$/i;

/** Whether a value is one turn of a conversation: who speaks, and what. */
export function isTurn(value: JsonValue): value is JsonObject {
  if (!(value instanceof JsonObject)) return false;
  const speaker = SPEAKER_KEYS.map((key) => value.get(key)).find((found) => found !== undefined);
  return (
    typeof speaker === 'string' &&
    ROLES.test(speaker) &&
    TEXT_KEYS.some((key) => value.get(key) !== undefined)
  );
}

/** Whether a value is a conversation by itself. */
export function isConversation(value: JsonValue | undefined): value is JsonObject[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTurn);
}

/** The rows of an object that is the whole file. @throws DataError where none can be told. */
export function findRows(name: string, root: JsonObject): FoundRows[] {
  const parts = findParts(name, root);
  // {"data": {"train": […], "test": […]}}: one key around it all.
  const [inside] = root.values;
  if (
    !parts &&
    root.keys.length === 1 &&
    inside instanceof JsonObject &&
    inside.values.some(isListOfObjects)
  ) {
    return findRows(name, inside);
  }
  return parts ?? [{ part: null, ...findOnePart(name, root) }];
}

/** `{"train": […], "test": […]}`: every key that holds rows is a part's name. */
function findParts(name: string, root: JsonObject): FoundRows[] | null {
  const holders = root.keys.filter((_, i) => holdsRows(root.values[i]));
  if (holders.length === 0 || root.keys.some((key) => isKnownColumnName(key))) return null;
  const named = holders.filter((key) => partOfName(key) !== null && /^[\w -]+$/.test(key));
  if (named.length === 0 || !named.some((key) => partOfName(key) === 'train')) return null;
  const others = holders.filter((key) => !named.includes(key));
  const found: FoundRows[] = [];
  for (const key of named) {
    const value = root.get(key) as JsonValue[] | JsonObject;
    const inner = Array.isArray(value) ? { records: value, notes: [] } : findOnePart(name, value);
    if (inner.records.length > 0) found.push({ part: partOfName(key), ...inner });
  }
  if (found.length === 0) throw emptyFile(name);
  if (others.length > 0) {
    found[0].notes.push(
      `“${others.join('”, “')}” in “${name}” was left out: it is no part for training, validation or test.`,
    );
  }
  return found;
}

function holdsRows(value: JsonValue): boolean {
  return Array.isArray(value)
    ? value.length === 0 || typeof value[0] === 'object' || typeof value[0] === 'string'
    : value instanceof JsonObject &&
        value.values.some((inner) => Array.isArray(inner) || inner instanceof JsonObject);
}

function isListOfObjects(value: JsonValue): boolean {
  return Array.isArray(value) && value[0] instanceof JsonObject && !isTurn(value[0]);
}

type OnePart = Omit<FoundRows, 'part'>;

function findOnePart(name: string, root: JsonObject): OnePart {
  const known = findSplitOrient(name, root) ?? findViewerRows(name, root) ?? findTableOrient(root);
  if (known) return known;
  // One conversation with what belongs to it is one row, not a table of turns.
  if (root.values.some(isConversation)) return { records: [root], notes: [] };
  const entries = root.keys.map((key, i) => [key, root.values[i]] as const);
  const lists = entries.filter((entry): entry is [string, JsonValue[]] => Array.isArray(entry[1]));
  const ofRecords = lists.filter(
    ([, list]) => list.length > 0 && list.every((item) => item instanceof JsonObject),
  );
  if (ofRecords.length === 1) return withoutParagraphs(ofRecords[0][1]);
  if (ofRecords.length > 1 && ofRecords.length < entries.length) {
    throw new DataError(`“${name}” has several lists of rows: ${ofRecords.map(([key]) => key).join(', ')}.`, {
      hint: 'Keep one of them in a file of its own, or call them train and test.',
    });
  }
  if (lists.length > 0 && lists.length === entries.length)
    return { records: fromColumns(name, lists), notes: [] };
  if (lists.length === 1) return { records: lists[0][1], notes: [] };
  const inside = findInside(entries);
  if (inside) return inside;
  if (entries.length > 0 && entries.every(([, inner]) => inner instanceof JsonObject)) {
    return { records: fromMaps(entries as [string, JsonObject][]), notes: [] };
  }
  if (lists.length > 1 && lists.every(([, list]) => list.length === lists[0][1].length)) {
    const rest = entries.filter(([, value]) => !Array.isArray(value)).map(([key]) => key);
    return {
      records: fromColumns(name, lists),
      notes: [`“${rest.join('”, “')}” in “${name}” was left out: the columns are the lists.`],
    };
  }
  throw new DataError(
    `“${name}” holds one object with ${entries.length === 0 ? 'no keys' : `the keys ${excerpt(root.keys.join(', '), 100)}`}, and no list of rows was found in it.`,
    { hint: SHAPES },
  );
}

const MOST_WRAPPED = 4;

/** {"status": "ok", "data": {"items": [{…}]}}: the one list of objects in what wraps it; null where there are several, or none. */
function findInside(entries: readonly (readonly [string, JsonValue])[]): OnePart | null {
  const found: { path: string[]; records: JsonValue[] }[] = [];
  const look = (value: JsonValue, path: string[]): void => {
    if (Array.isArray(value)) {
      if (value.length > 0 && value.every((item) => item instanceof JsonObject)) {
        found.push({ path, records: value });
      }
    } else if (value instanceof JsonObject && path.length < MOST_WRAPPED) {
      value.keys.forEach((key, i) => {
        look(value.values[i], [...path, key]);
      });
    }
  };
  for (const [key, value] of entries) look(value, [key]);
  // Rows by their index look alike; what wraps a list does not look like what stands beside it.
  const shapes = entries.map(([, value]) => (value instanceof JsonObject ? value.keys.join('\n') : ''));
  const alike = entries.length > 1 && shapes.every((shape) => shape !== '' && shape === shapes[0]);
  if (found.length !== 1 || alike) return null;
  const [{ path, records }] = found;
  if (isConversation(records)) return null;
  const { records: rows, notes } = withoutParagraphs(records);
  return { records: rows, notes: [`The rows are those of “${path.join('.')}”.`, ...notes] };
}

/** pandas' orient="split": `{"columns": […], "index": […], "data": [[…]]}`. */
function findSplitOrient(name: string, root: JsonObject): OnePart | null {
  const columns = root.get('columns');
  const data = root.get('data');
  if (!Array.isArray(columns) || !Array.isArray(data) || root.get('schema') !== undefined) return null;
  const extra = root.keys.filter((key) => !/^(columns|data|index|index_names|column_names|name)$/.test(key));
  if (extra.length > 0 || !data.every((row) => Array.isArray(row))) return null;
  const names = columns.map((column) =>
    Array.isArray(column) ? column.map(plain).join(' ') : plain(column),
  );
  const records = (data as JsonValue[][]).map((row, r) => {
    if (row.length !== names.length) {
      throw new DataError(`${row.length} values, but “columns” of “${name}” names ${names.length}.`, {
        row: r + 1,
        hint: 'Every list in “data” needs a value for every column.',
      });
    }
    return objectOf(names, row);
  });
  return { records, notes: [] };
}

/** What the Hub's dataset viewer answers: `{"features": […], "rows": [{"row_idx": 0, "row": {…}}]}`. */
function findViewerRows(name: string, root: JsonObject): OnePart | null {
  const rows = root.get('rows');
  if (!Array.isArray(rows) || rows.length === 0) return null;
  const wrapped = rows.every(
    (row) =>
      row instanceof JsonObject && row.get('row') instanceof JsonObject && row.get('row_idx') !== undefined,
  );
  if (!wrapped) return null;
  const notes: string[] = [];
  const cut = rows.filter((row) => {
    const cells = (row as JsonObject).get('truncated_cells');
    return Array.isArray(cells) && cells.length > 0;
  }).length;
  if (cut > 0)
    notes.push(
      `${cut === 1 ? '1 row has' : `${cut} rows have`} cells that the Hub's viewer cut short; the dataset's own files have them whole.`,
    );
  const total = root.get('num_rows_total');
  if (total instanceof JsonNumber && Number(total.source) > rows.length) {
    notes.push(
      `“${name}” holds ${rows.length} of the dataset's ${total.source} rows: it is an answer of the Hub's viewer.`,
    );
  }
  const features = root.get('features');
  return {
    records: rows.map((row) => (row as JsonObject).get('row') as JsonObject),
    notes,
    features: features === undefined ? undefined : JSON.parse(jsonText(features)),
  };
}

/** pandas' orient="table": `{"schema": {"fields": […], "primaryKey": ["index"]}, "data": [{…}]}`. */
function findTableOrient(root: JsonObject): OnePart | null {
  const schema = root.get('schema');
  const data = root.get('data');
  if (!(schema instanceof JsonObject) || !Array.isArray(schema.get('fields')) || !Array.isArray(data)) {
    return null;
  }
  const key = schema.get('primaryKey');
  const index: JsonValue[] = Array.isArray(key)
    ? key.filter((name) => name === 'index' || name === 'level_0')
    : [];
  const records = data.map((row) => {
    if (!(row instanceof JsonObject) || index.length === 0) return row;
    const kept = row.keys.filter((name) => !index.includes(name));
    return objectOf(
      kept,
      kept.map((name) => row.get(name) ?? null),
    );
  });
  return { records, notes: [] };
}

/** SQuAD as it is published: articles of paragraphs of questions become a row a question. */
function withoutParagraphs(records: JsonValue[]): OnePart {
  const rows: JsonValue[] = [];
  for (const article of records) {
    const paragraphs = article instanceof JsonObject ? article.get('paragraphs') : undefined;
    if (!Array.isArray(paragraphs)) return { records, notes: [] };
    for (const paragraph of paragraphs) {
      const questions = paragraph instanceof JsonObject ? paragraph.get('qas') : undefined;
      if (!Array.isArray(questions) || !(paragraph instanceof JsonObject)) return { records, notes: [] };
      for (const question of questions) {
        if (!(question instanceof JsonObject)) return { records, notes: [] };
        rows.push(
          objectOf(
            ['title', 'context', ...question.keys],
            [
              (article as JsonObject).get('title') ?? null,
              paragraph.get('context') ?? null,
              ...question.values,
            ],
          ),
        );
      }
    }
  }
  return {
    records: rows,
    notes: ['The questions stand in paragraphs of articles; each became a row with its context.'],
  };
}

/** {"a": [1, 2], "b": [3, 4]} */
function fromColumns(name: string, lists: readonly [string, JsonValue[]][]): JsonValue[] {
  const [first, ...others] = lists;
  const length = first[1].length;
  const odd = others.find(([, list]) => list.length !== length);
  if (odd) {
    throw new DataError(
      `The columns of “${name}” differ in length: ${first[0]} has ${length}, ${odd[0]} has ${odd[1].length}.`,
      { hint: 'Every column needs a value for every row.' },
    );
  }
  const keys = lists.map(([key]) => key);
  return first[1].map((_, row) =>
    objectOf(
      keys,
      lists.map(([, list]) => list[row]),
    ),
  );
}

/** pandas writes {"column": {"0": …, "1": …}} or, by index, {"0": {"column": …}}. */
function fromMaps(entries: [string, JsonObject][]): JsonValue[] {
  const rowKeys = entries[0][1].keys;
  const counted = rowKeys.length > 0 && rowKeys.every((key) => /^\d+$/.test(key));
  const alike = entries.every(([, { keys }]) => keys.length === rowKeys.length);
  const namedOutside = entries.some(([key]) => isKnownColumnName(key));
  const byColumn = counted || (alike && namedOutside && !rowKeys.some(isKnownColumnName));
  if (!byColumn) return entries.map(([, record]) => record);
  const columns = entries.map(([column]) => column);
  return rowKeys.map((key) =>
    objectOf(
      columns,
      entries.map(([, values]) => values.get(key) ?? null),
    ),
  );
}

function objectOf(keys: readonly string[], values: readonly JsonValue[]): JsonObject {
  const object = new JsonObject();
  for (let i = 0; i < keys.length; i++) object.set(keys[i], values[i]);
  return object;
}

function plain(value: JsonValue): string {
  return typeof value === 'string' ? value : jsonText(value);
}
