/**
 * @file Columns of text that is really structure: conversations, answers with their places, choices, translations, as JSON or as
 * Python prints them. Any other JSON in a cell is text that means itself: records that a model is to write, mostly.
 */
import { normalName } from './columnNames';
import { JsonFault, JsonObject, JsonReader, type JsonValue, jsonText } from './jsonReader';
import { readPythonLiteral } from './pythonLiteral';
import type { Table } from './types';

/** Objects and lists. */
const STRUCTURE = /^\s*(\{|\[|array\(\s*\[)/;
/** Columns whose lists of plain values are lists. Elsewhere a list may be a text that means itself, unless Python printed it. */
const LIST_NAMES =
  /^(labels?|tags?|categor(y|ies)|topics?|classes|emotions?|genres?|keywords?|intents?|entities|choices|options|endings|answers?|references?|tokens|words|nertags|postags)$/;

/** Marks columns of which every filled cell is such a structure; their cells become compact JSON. */
export function findNestedText(table: Table): void {
  table.columns.forEach((column, c) => {
    if (table.nested.includes(c)) return;
    const first = table.rows.find((row) => row[c].trim() !== '')?.[c];
    if (first === undefined || !STRUCTURE.test(first)) return;
    let python = false;
    const cells: string[] = [];
    let objects = 0;
    let lists = 0;
    let known = true;
    for (const row of table.rows) {
      const cell = row[c];
      if (cell.trim() === '') {
        cells.push('');
        continue;
      }
      if (!STRUCTURE.test(cell)) return;
      const json = readJson(cell);
      const value = json ?? readPythonLiteral(cell);
      if (value === undefined) return;
      python ||= json === undefined;
      if (isPlainList(value)) lists++;
      else objects += cell.includes('{') ? 1 : 0;
      known &&= isKnown(value);
      cells.push(jsonText(value));
    }
    if (objects === 0 && (lists === 0 || !(python || LIST_NAMES.test(normalName(column))))) return;
    if (objects > 0 && lists > 0) return;
    if (!known) {
      table.notes.push(
        `“${column}” holds ${python ? 'objects as Python prints them' : 'JSON'} in its cells, which stays text as it stands.`,
      );
      return;
    }
    table.rows.forEach((row, r) => {
      row[c] = cells[r];
    });
    table.nested = [...table.nested, c].sort((a, b) => a - b);
    table.notes.push(
      `“${column}” holds ${python ? `${lists > 0 ? 'lists' : 'objects'} as Python prints them` : 'JSON'} in its cells; it was read as what it says.`,
    );
  });
}

const SPEAKERS = ['role', 'from', 'speaker', 'sender', 'author', 'user', 'name'];
const WORDS = ['content', 'value', 'text', 'message', 'utterance', 'parts', 'tool_calls'];
const CONVERSATIONS = ['messages', 'conversations', 'conversation', 'dialog', 'dialogue', 'turns'];
const LANGUAGES = new Set(
  'ar bg bn ca cs da de el en es et fa fi fr he hi hr hu id it ja ko lt lv nb nl no pl pt ro ru sk sl sv ta te th tr uk ur vi zh'.split(
    ' ',
  ),
);

/** Texts, numbers and the like. A list of nothing may be of anything. */
function isPlainList(value: JsonValue): boolean {
  const isPlain = (each: JsonValue) => !Array.isArray(each) && !(each instanceof JsonObject);
  return Array.isArray(value) && value.length > 0 && value.every(isPlain);
}

/** Whether an object or a list of objects is one of those that mean more than their text. */
function isKnown(value: JsonValue): boolean {
  if (Array.isArray(value)) return isPlainList(value) || value.every(isTurn);
  if (!(value instanceof JsonObject)) return false;
  const { keys } = value;
  const has = (name: string) => keys.includes(name);
  if (CONVERSATIONS.some(has)) return true;
  if (has('text') && (has('answer_start') || has('label'))) return Array.isArray(value.get('text'));
  return keys.length >= 2 && keys.every((key) => LANGUAGES.has(key.split(/[-_]/)[0]));
}

function isTurn(value: JsonValue): boolean {
  if (!(value instanceof JsonObject)) return false;
  const has = (name: string) => value.keys.includes(name);
  return SPEAKERS.some(has) && (WORDS.some(has) || has('role'));
}

function readJson(cell: string): JsonValue | undefined {
  const reader = new JsonReader(cell);
  try {
    const value = reader.value();
    return reader.atEnd() ? value : undefined;
  } catch (error) {
    if (error instanceof JsonFault) return undefined;
    throw error;
  }
}
