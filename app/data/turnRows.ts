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
  const conversations = new Map<string, { row: number; turns: object[] }>();
  table.rows.forEach((row, i) => {
    const found = conversations.get(row[conversation]) ?? { row: table.rowNumbers[i], turns: [] };
    conversations.set(row[conversation], found);
    found.turns.push({ role: row[speaker], content: row[words] });
  });
  if (conversations.size === table.rows.length) return null;
  const joined = [...conversations.values()];
  return {
    ...table,
    columns: [table.columns[conversation], 'conversation turns'],
    rows: [...conversations].map(([id, { turns }]) => [id, JSON.stringify(turns)]),
    rowNumbers: joined.map(({ row }) => row),
    nested: [1],
    notes: [
      ...table.notes,
      `Each row is a turn: the rows with the same “${table.columns[conversation]}” are one conversation, ${joined.length.toLocaleString('en')} in all.`,
    ],
  };
}
