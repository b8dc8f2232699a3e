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

/** Which columns have what is said. */
interface Said {
  speaker: number;
  words: number;
}

/**
 * Rows with the same conversation, or that answer each other, become one, under a column `conversation turns`. Null for a table that
 * has no column of known speakers, user and assistant among them, or none that says what a turn belongs to.
 */
export function joinTurnRows(table: Table): Table | null {
  const find = (fits: (name: string) => boolean) => table.columns.findIndex((name) => fits(normalName(name)));
  const speaker = find((name) => SPEAKERS.includes(name));
  const words = find((name) => WORDS.includes(name));
  if (speaker < 0 || words < 0 || table.nested.includes(words)) return null;
  const roles = new Set(table.rows.map((row) => roleOf(row[speaker])));
  if (roles.has(null) || !roles.has('user') || !roles.has('assistant')) return null;
  const said = { speaker, words };
  const conversation = table.columns.findIndex(namesConversation);
  if (conversation >= 0) return joinByName(table, conversation, said);
  const parent = find((name) => PARENT.test(name));
  const own = find((name) => OWN_ID.test(name));
  return parent >= 0 && own >= 0 ? joinByParent(table, { parent, own }, said) : null;
}

/** Rows that name the same conversation. */
function joinByName(table: Table, conversation: number, said: Said): Table | null {
  const conversations = new Map<string, { row: number; members: string[][] }>();
  table.rows.forEach((row, i) => {
    const found = conversations.get(row[conversation]) ?? { row: table.rowNumbers[i], members: [] };
    conversations.set(row[conversation], found);
    found.members.push(row);
  });
  if (conversations.size === table.rows.length) return null;
  const joined = [...conversations].map(([id, { row, members }]) => ({ id, row, members }));
  const counter = findOrder(table, joined);
  for (const { members } of counter?.sorted ? [] : joined) {
    if (counter) members.sort((a, b) => placeOf(a[counter.column]) - placeOf(b[counter.column]));
  }
  const name = table.columns[conversation];
  const notes = [
    `Each row is a turn: the rows with the same “${name}” are one conversation, ${joined.length.toLocaleString('en')} in all.`,
  ];
  if (counter && !counter.sorted) {
    notes.push(`Their turns are in the order of “${table.columns[counter.column]}”.`);
  }
  return joinedTable(table, name, joined, said, notes);
}

const PARENT = /^(parent|replyto|inreplyto)(message|comment|post)?(id)?$/;
const OWN_ID = /^(message|comment|post|turn|msg)?id$/;

/** Rows that name the one that they answer: every last answer of the assistant ends a conversation, which begins where nobody is answered. */
function joinByParent(
  table: Table,
  { parent, own }: { parent: number; own: number },
  said: Said,
): Table | null {
  const byId = new Map(table.rows.map((row) => [row[own], row]));
  if (byId.size < table.rows.length) return null;
  const isAnswer = (row: string[]) => roleOf(row[said.speaker]) === 'assistant';
  /** From the first to this one. */
  const pathTo = (row: string[]): string[][] => {
    const path = new Set<string[]>();
    for (let at: string[] | undefined = row; at && !path.has(at); at = byId.get(at[parent])) path.add(at);
    return [...path].reverse();
  };
  const paths = new Map(table.rows.flatMap((row) => (isAnswer(row) ? [[row, pathTo(row)] as const] : [])));
  const answeredOn = new Set([...paths.values()].flatMap((path) => path.slice(0, -1)));
  const joined = table.rows.flatMap((row, i) => {
    const path = answeredOn.has(row) ? undefined : paths.get(row);
    return path && path.length > 1 ? [{ id: path[0][own], row: table.rowNumbers[i], members: path }] : [];
  });
  if (joined.length === 0) return null;
  return joinedTable(table, 'conversation id', joined, said, [
    `Each row is a turn: “${table.columns[parent]}” says which one it answers. The ways to a last answer are ${joined.length.toLocaleString('en')} conversations.`,
  ]);
}

function joinedTable(
  table: Table,
  name: string,
  joined: readonly { id: string; row: number; members: readonly string[][] }[],
  { speaker, words }: Said,
  notes: readonly string[],
): Table {
  const turnsOf = (members: readonly string[][]) =>
    JSON.stringify(members.map((row) => ({ role: row[speaker], content: row[words] })));
  return {
    ...table,
    columns: [name, 'conversation turns'],
    rows: joined.map(({ id, members }) => [id, turnsOf(members)]),
    rowNumbers: joined.map(({ row }) => row),
    nested: [1],
    notes: [...table.notes, ...notes],
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
