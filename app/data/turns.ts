/**
 * @file The cell of a row that holds a conversation, to its turns as they stand: whichever of the shapes it has in which
 * people keep conversations (role and content, from and value, speaker and text, pairs, plain texts in turn, …).
 */
import { isRecord } from './cells';
import { readMarkup } from './chatMarkup';
import { normalName } from './columnNames';
import { roleOf } from './roles';

/** A turn as the file has it. */
export interface RawTurn {
  /** The speaker as the file names them. */
  name: string;
  text: string;
  /** Kinds of content that are no text: "image_url", "input_audio". */
  media: string[];
  /** The file says that this one is not to be learned (`weight: 0`, `train: false`). */
  given: boolean;
  extra?: Record<string, unknown>;
}

const SPEAKER_KEYS = ['role', 'from', 'speaker', 'sender', 'author', 'speakerrole'];
/** Of a list that need not be a conversation these say nothing. */
const WEAK_SPEAKER_KEYS = ['user', 'name'];
const TEXT_KEYS = ['content', 'value', 'text', 'message', 'utterance', 'body', 'parts', 'msg', 'contents'];
/** Columns whose lists of plain texts are turns of user and assistant. */
const CONVERSATION_NAMES = [
  'messages',
  'conversation',
  'conversations',
  'dialog',
  'dialogs',
  'dialogue',
  'thread',
  'turns',
  'chat',
  'items',
  'utterances',
  'history',
  'data',
];
const EXTRAS = ['tool_calls', 'tool_call_id', 'name', 'reasoning_content', 'function_call'];

/**
 * Turns of a cell, or null for a cell that holds none. A text alone is a turn where its column's name says whose.
 * @param cell JSON text of a list or object, or a text
 */
export function readTurns(cell: string, column: string): RawTurn[] | null {
  const text = cell.trim();
  if (text === '') return [];
  if (/^[[{]/.test(text)) {
    const value = parsed(text);
    if (value !== undefined) return turnsOf(value, column) ?? ownTurn(value, column);
  }
  const transcript = readTranscript(text) ?? readMarkup(text)?.map(({ name, text }) => turn(name, text));
  if (transcript) return transcript;
  return roleOf(column) === null ? null : [turn(column, cell)];
}

/** Whether a column's cells are conversations; of a long column a sample is looked at. */
export function holdsTurns(cells: readonly string[], column: string): boolean {
  const filled = cells.filter((cell) => cell.trim() !== '').slice(0, 200);
  const lists = filled.filter((cell) => {
    const turns = /^\s*[[{<]/.test(cell) || isTranscript(cell) ? readTurns(cell, column) : null;
    return turns !== null;
  });
  const said = lists.some((cell) => (readTurns(cell, column)?.length ?? 0) > 0);
  return said && lists.length >= 0.8 * filled.length;
}

function turnsOf(value: unknown, column: string): RawTurn[] | null {
  if (Array.isArray(value)) return turnsOfList(value, column);
  if (!isRecord(value)) return null;
  const keys = speechKeys(value, column);
  if (keys && Array.isArray(value[keys.speaker]) && Array.isArray(value[keys.text])) {
    // How Arrow keeps a list of records: a list a key.
    const texts = value[keys.text] as unknown[];
    const speakers = value[keys.speaker] as unknown[];
    return turnsOfList(
      texts.map((text, i) => ({ [keys.speaker]: speakers[i], [keys.text]: text })),
      column,
    );
  }
  if (keys) return turnsOfList([value], column);
  const lists = Object.entries(value).filter(([, inner]) => Array.isArray(inner));
  if (lists.length === 1) {
    const [name, inner] = lists[0];
    return turnsOfList(inner as unknown[], name);
  }
  return null;
}

/** `{"parts": [{"text": "…"}]}` without a speaker, in a column whose name says whose it is. */
function ownTurn(value: unknown, column: string): RawTurn[] | null {
  if (!isRecord(value) || !Array.isArray(value.parts) || roleOf(column) === null) return null;
  const content = readContent(value.parts);
  return content && [{ name: column, ...content, given: false }];
}

function turnsOfList(list: readonly unknown[], column: string): RawTurn[] | null {
  if (list.length === 0) return [];
  if (list.every((entry) => typeof entry === 'string')) {
    if (!CONVERSATION_NAMES.includes(normalName(column)) || list.length < 2) return null;
    return list.map((text, i) => turn(i % 2 === 0 ? 'user' : 'assistant', text as string));
  }
  if (list.every(isPair)) return turnsOfPairs(list as [string, string | null][]);
  const turns: RawTurn[] = [];
  for (const entry of list) {
    if (!isRecord(entry)) return null;
    const said = readTurn(entry, column) ?? saidByKeys(entry);
    if (!said) return null;
    turns.push(...[said].flat());
  }
  return turns;
}

/** [["user", "Hi"], ["assistant", "Hello"]], or an exchange an entry: [["Hi", "Hello"], …]. */
function turnsOfPairs(pairs: readonly [string, string | null][]): RawTurn[] {
  if (pairs.every(([name]) => roleOf(name) !== null && name.length < 20)) {
    return pairs.map(([name, text]) => turn(name, text ?? ''));
  }
  return pairs.flatMap(([said, answer]) => [
    turn('user', said),
    ...(answer === null ? [] : [turn('assistant', answer)]),
  ]);
}

function isPair(entry: unknown): entry is [string, string | null] {
  return (
    Array.isArray(entry) &&
    entry.length === 2 &&
    typeof entry[0] === 'string' &&
    (typeof entry[1] === 'string' || entry[1] === null)
  );
}

function readTurn(entry: Record<string, unknown>, column: string): RawTurn | null {
  const keys = speechKeys(entry, column);
  if (!keys) return null;
  const name = entry[keys.speaker];
  // Exports of chat services name the speaker within: {"author": {"role": "user"}}.
  const speaker = isRecord(name) ? (name.role ?? name.name) : name;
  if (typeof speaker !== 'string' && typeof speaker !== 'number' && typeof speaker !== 'boolean') return null;
  const content = readContent(entry[keys.text]);
  if (!content) return null;
  const extra = Object.fromEntries(
    EXTRAS.filter((key) => key !== keys.speaker && entry[key] !== undefined && entry[key] !== null).map(
      (key) => [key, entry[key]],
    ),
  );
  return {
    name: String(speaker),
    ...content,
    given: entry.weight === 0 || entry.train === false || entry.loss === false,
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

/** The keys under which an entry has its speaker and its words; null where it has no such keys. */
function speechKeys(
  entry: Record<string, unknown>,
  column: string,
): { speaker: string; text: string } | null {
  const find = (names: readonly string[], except?: string) => {
    for (const name of names) {
      const key = Object.keys(entry).find((each) => each !== except && normalName(each) === name);
      if (key !== undefined) return key;
    }
    return undefined;
  };
  const isConversation = CONVERSATION_NAMES.includes(normalName(column));
  const speaker = find(isConversation ? [...SPEAKER_KEYS, ...WEAK_SPEAKER_KEYS] : SPEAKER_KEYS);
  if (speaker === undefined) return null;
  const text = find(TEXT_KEYS, speaker);
  if (text !== undefined) return { speaker, text };
  return entry.tool_calls !== undefined || entry.function_call !== undefined
    ? { speaker, text: 'content' }
    : null;
}

/** {"user": "Hi", "assistant": "Hello"}: the key says who. */
function saidByKeys(entry: Record<string, unknown>): RawTurn[] | null {
  const said = Object.entries(entry).filter(([, text]) => text !== null);
  if (said.length === 0) return null;
  if (!said.every(([name, text]) => roleOf(name) !== null && typeof text === 'string')) return null;
  return said.map(([name, text]) => turn(name, text as string));
}

/** The text of a turn's content, its parts on lines of their own, and what kinds of parts are no text. */
function readContent(content: unknown): { text: string; media: string[] } | null {
  if (content === null || content === undefined) return { text: '', media: [] };
  if (typeof content === 'string') return { text: content, media: [] };
  if (typeof content === 'number' || typeof content === 'boolean')
    return { text: String(content), media: [] };
  const parts = Array.isArray(content) ? content : [content];
  const texts: string[] = [];
  const media: string[] = [];
  for (const part of parts) {
    if (typeof part === 'string') texts.push(part);
    else if (!isRecord(part)) return null;
    else if (typeof part.text === 'string' && (part.type === undefined || /text$/.test(String(part.type)))) {
      texts.push(part.text);
    } else if (Array.isArray(part.parts)) {
      const inner = readContent(part.parts);
      if (!inner) return null;
      texts.push(inner.text);
      media.push(...inner.media);
    } else if (typeof part.type === 'string') {
      media.push(part.type);
    } else media.push(Object.keys(part)[0] ?? 'nothing');
  }
  return { text: texts.join('\n'), media };
}

function turn(name: string, text: string): RawTurn {
  return { name, text, media: [], given: false };
}

const MARKED = /^[ \t]*(?:###[ \t]*)?(Human|User|Assistant|System|Bot|AI)[ \t]*:[ \t]*/gim;

/** A conversation written as one text, "Human: … Assistant: …", each speaker on a new line. */
function readTranscript(text: string): RawTurn[] | null {
  if (!isTranscript(text)) return null;
  const marks = [...text.matchAll(MARKED)];
  return marks.map((mark, i) => {
    const start = mark.index + mark[0].length;
    return turn(mark[1], text.slice(start, marks[i + 1]?.index).trim());
  });
}

function isTranscript(text: string): boolean {
  if (!/^\s*(?:###[ \t]*)?(?:Human|User|System)[ \t]*:/i.test(text)) return false;
  const roles = new Set([...text.matchAll(MARKED)].map((mark) => roleOf(mark[1])));
  return roles.has('user') && roles.has('assistant');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
