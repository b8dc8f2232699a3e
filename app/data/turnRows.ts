/** @file Tables with a turn in every row, as chat services export them, to a conversation in every row. */
import { normalName } from './columnNames';
import { roleOf } from './roles';
import type { Table } from './types';

const SPEAKERS = ['role', 'speaker', 'from', 'sender', 'author', 'speakerrole'];
const WORDS = ['content', 'text', 'message', 'value', 'utterance', 'body'];
const CONVERSATION =
  /^(conversation|conv|dialog|dialogue|thread|chat|session|ticket|case)(id|no|nr|number|uuid)?$/;

/** Whether a column says which conversation a row is of. */
export function namesConversation(column: string): boolean {
  return CONVERSATION.test(normalName(column));
}

/**
 * Rows with the same conversation become one, in their order, under a column `conversation`. Null for a table that has no
 * column of known speakers, user and assistant among them, or none that says which conversation a turn is of.
 */
export function joinTurnRows(table: Table): Table | null {
  const find = (fits: (name: string) => boolean) => table.columns.findIndex((name) => fits(normalName(name)));
  const speaker = find((name) => SPEAKERS.includes(name));
  const words = find((name) => WORDS.includes(name));
  const conversation = table.columns.findIndex(namesConversation);
  if (speaker < 0 || words < 0 || conversation < 0 || table.nested.includes(words)) return null;
  const roles = new Set(table.rows.map((row) => roleOf(row[speaker])));
  if (roles.has(null) || !roles.has('user') || !roles.has('assistant')) return null;
  const conversations = new Map<string, { row: number; members: string[][] }>();
  table.rows.forEach((row, i) => {
    const found = conversations.get(row[conversation]) ?? { row: table.rowNumbers[i], members: [] };
    conversations.set(row[conversation], found);
    found.members.push(row);
  });
  if (conversations.size === table.rows.length) return null;
  const joined = [...conversations.values()];
  const counter = findOrder(table, joined);
  for (const { members } of counter?.sorted ? [] : joined) {
    if (counter) members.sort((a, b) => placeOf(a[counter.column]) - placeOf(b[counter.column]));
  }
  const turnsOf = (members: readonly string[][]) =>
    JSON.stringify(members.map((row) => ({ role: row[speaker], content: row[words] })));
  return {
    ...table,
    columns: [table.columns[conversation], 'conversation turns'],
    rows: [...conversations].map(([id, { members }]) => [id, turnsOf(members)]),
    rowNumbers: joined.map(({ row }) => row),
    nested: [1],
    notes: [
      ...table.notes,
      `Each row is a turn: the rows with the same “${table.columns[conversation]}” are one conversation, ${joined.length.toLocaleString('en')} in all.`,
      ...(counter && !counter.sorted
        ? [`Their turns are in the order of “${table.columns[counter.column]}”.`]
        : []),
    ],
  };
}

const COUNTERS =
  /^((turn|message|utterance|msg|line|row)?(id|idx|index|no|nr|num|number)|turn|order|position|pos|seq|sequence|step|timestamp|time|date|datetime|createdat|created|sentat)$/;

/** The column that counts the turns of each conversation, or has their times; null where none does. */
function findOrder(
  { columns }: Table,
  conversations: readonly { members: readonly string[][] }[],
): { column: number; sorted: boolean } | null {
  for (const [column, name] of columns.entries()) {
    if (!COUNTERS.test(normalName(name)) || namesConversation(name)) continue;
    let sorted = true;
    const counts = conversations.every(({ members }) => {
      const places = members.map((row) => placeOf(row[column]));
      sorted &&= places.every((place, i) => i === 0 || place > places[i - 1]);
      return places.every(Number.isFinite) && new Set(places).size === places.length;
    });
    if (counts) return { column, sorted };
  }
  return null;
}

/** A whole number, or a moment in milliseconds; NaN of anything else. */
function placeOf(cell: string): number {
  const text = cell.trim();
  if (/^-?\d{1,15}(\.0)?$/.test(text)) return Number(text);
  return /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
}
