/** @file Which columns hold the conversation of a row, where one does. */
import { normalName } from './columnNames';
import { roleOf } from './roles';
import type { ReadableTable } from './structures';
import { readTurns } from './turns';
import type { DataOptions, Table } from './types';

interface GuessedConversation {
  options: Pick<DataOptions, 'kind' | 'inputTemplate' | 'targetTemplate' | 'turnColumns' | 'maxTokens'>;
  guesses: string[];
}

/** Names of columns with whole conversations, commonest first. */
const WHOLE = [
  'messages',
  'conversations',
  'conversation',
  'dialog',
  'dialogue',
  'dialogs',
  'thread',
  'turns',
  'chat',
  'items',
  'utterances',
  'contents',
  'text',
  'chosen',
];
const QUESTIONS = ['prompt', 'question', 'instruction', 'input', 'query'];
const ANSWERS = ['completion', 'chosen', 'response', 'answer', 'output', 'reply'];
const SYSTEM = ['system', 'systemprompt', 'systemmessage', 'systeminstruction'];

/** Null for a table without a column of conversations. */
export function guessConversation(readable: ReadableTable): GuessedConversation | null {
  const { table, conversationColumns } = readable;
  if (conversationColumns.length === 0) return null;
  const turnColumns = chooseColumns(table, conversationColumns);
  const named = turnColumns.map((name) => `“${name}”`).join(', ');
  const guesses = [
    `conversations from column${turnColumns.length > 1 ? 's' : ''} ${named}: their cells are turns of speakers`,
  ];
  const rejected = table.columns.find((name) => normalName(name) === 'rejected');
  if (rejected) guesses.push(`column “${rejected}” holds answers that were turned down, and is not used`);
  const options = { kind: 'conversation', inputTemplate: '', targetTemplate: '', turnColumns } as const;
  return { options: { ...options, maxTokens: usualLength(table, turnColumns) }, guesses };
}

const SAMPLE = 300;
/** JSON of a conversation has its keys, too; so many characters make a token of it, at least. */
const CHARACTERS_PER_TOKEN = 3;
const LENGTHS = { least: 256, most: 1024, step: 64 };

/** Room for nine of ten conversations, as far as that can be told before there is a tokenizer. */
function usualLength(table: Table, turnColumns: readonly string[]): number {
  const columns = turnColumns.map((name) => table.columns.indexOf(name));
  const lengths = table.rows
    .slice(0, SAMPLE)
    .map((row) => columns.reduce((sum, column) => sum + row[column].length, 0))
    .sort((a, b) => a - b);
  const tokens = (lengths[Math.floor(0.9 * lengths.length)] ?? 0) / CHARACTERS_PER_TOKEN;
  const { least, most, step } = LENGTHS;
  return Math.min(most, Math.max(least, Math.ceil(tokens / step) * step));
}

function chooseColumns(table: Table, conversations: readonly string[]): string[] {
  const find = (names: readonly string[], among: readonly string[]) =>
    names.flatMap((name) => among.find((column) => normalName(column) === name) ?? [])[0];
  // A turn a column, as a list of lists of turns becomes.
  if (conversations.length > 1 && conversations.every((name) => holdsSingleTurns(table, name))) {
    return [...conversations];
  }
  const system = find(SYSTEM, table.columns);
  const lead = system === undefined ? [] : [system];
  const question = find(QUESTIONS, table.columns);
  const answer = find(ANSWERS, table.columns);
  const history = find(['history'], conversations);
  const whole = find(WHOLE, conversations);
  if (history !== undefined && whole === undefined && question !== undefined && answer !== undefined) {
    return [...lead, history, question, answer];
  }
  const isPair = answer !== undefined && conversations.includes(answer) && question !== undefined;
  if (isPair && (whole === undefined || whole === answer)) return [...lead, question, answer];
  if (
    question !== undefined &&
    conversations.includes(question) &&
    answer !== undefined &&
    whole === undefined
  ) {
    return [...lead, question, answer];
  }
  return [
    ...lead,
    whole ??
      conversations.find((name) => name !== system && normalName(name) !== 'rejected') ??
      conversations[0],
  ];
}

function holdsSingleTurns(table: Table, name: string): boolean {
  const column = table.columns.indexOf(name);
  return table.rows
    .slice(0, 50)
    .every((row) => (readTurns(row[column], name)?.length ?? 0) <= 1 && roleOf(name) === null);
}
