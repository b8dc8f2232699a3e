/** @file Which columns are input and target, guessed from names and contents, and the default options that follow. */
import { choiceMark, numbering } from './choices';
import { type ColumnFacts, describeColumns } from './columnFacts';
import {
  BEFORE,
  CHOICES,
  COMPANIONS,
  GROUNDS,
  inputRank,
  isLanguage,
  nameWords,
  normalName,
  PAIRS,
  QUESTIONS,
  targetRank,
} from './columnNames';
import { guessConversation } from './conversationColumns';
import { DataError, excerpt } from './errors';
import { completeOptions, DEFAULT_MAX_TOKENS } from './options';
import { guessGroupColumn, usualShares } from './splitRule';
import type { ReadableTable } from './structures';
import { columnTemplate } from './template';
import type { DataOptions, Table } from './types';

export interface GuessedOptions {
  options: DataOptions;
  /** What was decided and why, in words. */
  guesses: string[];
}

export interface GuessContext {
  /** The most tokens an example may have. */
  longest?: number;
  /** The dataset brings rows for these of its own. */
  hasValidation?: boolean;
  hasTest?: boolean;
}

/**
 * Options for a table nobody has chosen columns for.
 * @throws DataError when no column has text: only tokens, or only structure that no rule knows.
 */
export function guessOptions(readable: ReadableTable, context: GuessContext = {}): GuessedOptions {
  const { table } = readable;
  const { longest = Number.POSITIVE_INFINITY, hasValidation = false, hasTest = false } = context;
  const chosen = guessConversation(readable) ?? guessTemplates(readable);
  const group = guessGroupColumn(table, chosen.options);
  const shares = usualShares(table.rows.length, hasValidation, hasTest);
  const options = completeOptions({
    ...chosen.options,
    ...shares,
    groupColumn: group,
    maxTokens: Math.min(chosen.options.maxTokens ?? DEFAULT_MAX_TOKENS, longest),
  });
  const guesses = [...chosen.guesses];
  if (group !== null) guesses.push(`rows with the same “${group}” stay together in the split`);
  return { options, guesses };
}

interface Chosen {
  options: Pick<DataOptions, 'kind' | 'inputTemplate' | 'targetTemplate'> & Partial<DataOptions>;
  guesses: string[];
}

function guessTemplates({ table, structureColumns, conversationColumns }: ReadableTable): Chosen {
  const unreadable = new Set([...structureColumns, ...conversationColumns]);
  const facts = describeColumns(table).filter(({ name, filled }) => filled > 0 && !unreadable.has(name));
  refuseTokens(table, facts);
  if (facts.length === 0) throw onlyStructure(table, structureColumns);
  const named = (fact: ColumnFacts) =>
    Number.isFinite(targetRank(fact.name)) || Number.isFinite(inputRank(fact.name));
  const usable = facts.filter(
    (fact) => !fact.isComposite && (!fact.isId || named(fact)) && (!fact.isAbout || named(fact)),
  );
  const columns = usable.length > 0 ? usable : facts;
  const pair = columns.length > 1 ? findPair(columns) : null;
  const guesses: string[] = [];
  const rejected = facts.find(({ name }) => normalName(name) === 'rejected');
  if (rejected)
    guesses.push(`column “${rejected.name}” holds answers that were turned down, and is not used`);
  const judged = facts.find((fact) => isJudgement(fact, table));
  if (judged) {
    guesses.push(
      `column “${judged.name}” says which labels were rejected; those rows are used all the same: leave them out of the file`,
    );
  }
  if (!pair) {
    const only = columns[0].name;
    const reason =
      table.columns.length === 1
        ? `there is one column, “${only}”`
        : `only column “${only}” has text to learn from`;
    return {
      options: { kind: 'plainText', inputTemplate: '', targetTemplate: columnTemplate(only) },
      guesses: [`plain text: ${reason}`, ...guesses],
    };
  }
  const { lines, names, reason } = inputOf(pair, columns, table);
  return {
    options: {
      kind: 'inputTarget',
      inputTemplate: `${lines.join('\n')}\n`,
      targetTemplate: columnTemplate(pair.target.name),
    },
    guesses: [
      `input from ${listColumns(names)} (${reason})`,
      `target from column “${pair.target.name}” (${pair.targetReason})`,
      ...guesses,
    ],
  };
}

interface Pair {
  /** Null where only the target is known; the input then follows from it. */
  input: ColumnFacts | null;
  inputReason: string;
  target: ColumnFacts;
  targetReason: string;
}

/** Best evidence first: a pair that people use, languages side by side, one name that is known, the contents. */
function findPair(columns: readonly ColumnFacts[]): Pair | null {
  const byName = (name: string) => columns.find((column) => normalName(column.name) === name);
  for (const [inputName, targetNames] of PAIRS) {
    const input = byName(inputName);
    const target = targetNames.map(byName).find((found) => found !== undefined && found !== input);
    if (input && target) {
      const words = wordsOf(target, columns, input);
      return {
        input,
        inputReason: 'by its name',
        target: words.target,
        targetReason: words.reason ?? 'by its name',
      };
    }
  }
  const languages = columns.filter(({ name }) => isLanguage(name));
  if (languages.length === 2 && columns.length <= 4) {
    return {
      input: languages[0],
      inputReason: 'the first of two languages',
      target: languages[1],
      targetReason: 'the second of two languages',
    };
  }
  return fromTargetName(columns) ?? fromContents(columns);
}

function fromTargetName(columns: readonly ColumnFacts[]): Pair | null {
  // A column that says the same in every row is no answer, whatever it is called.
  const telling = columns.filter((column) => column.distinct > 1 || column.filled < 3);
  const exact = leastBy(
    (telling.length > 1 ? telling : columns).filter((column) => Number.isFinite(targetRank(column.name))),
    (column) => targetRank(column.name),
  );
  const target = exact ?? leastBy(columns, (column) => wordRank(column.name, targetRank));
  if (!target || (!exact && !Number.isFinite(wordRank(target.name, targetRank)))) return null;
  const words = wordsOf(target, columns, null);
  return { input: null, inputReason: '', target: words.target, targetReason: words.reason ?? 'by its name' };
}

function fromContents(columns: readonly ColumnFacts[]): Pair | null {
  // The input's name, where there is one, takes that column out of the choice.
  const byInputName = leastBy(columns, (column) => inputRank(column.name));
  const rest =
    byInputName && Number.isFinite(inputRank(byInputName.name))
      ? columns.filter((column) => column !== byInputName)
      : columns;
  const varied = rest.filter((column) => column.distinct > 1);
  const candidates = varied.length > 0 ? varied : rest;
  const classes =
    leastBy(
      candidates.filter((column) => column.isClassLike && !column.isNumber),
      (column) => column.distinct,
    ) ??
    leastBy(
      candidates.filter((column) => column.isClassLike),
      (column) => column.distinct,
    );
  if (classes && columns.length > 1) {
    return { input: null, inputReason: '', target: classes, targetReason: 'a few values that come again' };
  }
  const shortest = leastBy(candidates, (column) => column.meanLength);
  return (
    shortest && { input: null, inputReason: '', target: shortest, targetReason: 'its texts are the shortest' }
  );
}

/**
 * The column with words where the target is their number: `label_text` beside `label`, or a short text that goes with
 * each number and no other.
 */
function wordsOf(
  target: ColumnFacts,
  columns: readonly ColumnFacts[],
  input: ColumnFacts | null,
): { target: ColumnFacts; reason: string | null } {
  if (!target.isNumber) return { target, reason: null };
  const words = columns.find(
    (column) =>
      column !== target &&
      column !== input &&
      !column.isNumber &&
      normalName(column.name).includes(normalName(target.name)) &&
      column.distinct === target.distinct,
  );
  if (!words) return { target, reason: null };
  return { target: words, reason: `the words for the numbers in “${target.name}”` };
}

/** The lines of the input's template: all the columns that the question needs, as they are read. */
function inputOf(
  pair: Pair,
  columns: readonly ColumnFacts[],
  table: Table,
): { lines: string[]; names: string[]; reason: string } {
  const others = columns.filter((column) => column !== pair.target);
  const find = (names: readonly string[]) =>
    names.flatMap((name) => others.find((column) => normalName(column.name) === name) ?? []);
  let reason = pair.inputReason;
  let main = pair.input;
  if (!main) {
    const byName = leastBy(others, (column) => inputRank(column.name));
    const byWord = leastBy(others, (column) => wordRank(column.name, inputRank));
    if (byName && Number.isFinite(inputRank(byName.name))) {
      main = byName;
      reason = 'by its name';
    } else if (others.length === 1) {
      main = others[0];
      reason = 'the other column';
    } else if (byWord && Number.isFinite(wordRank(byWord.name, inputRank)) && !byWord.isNumber) {
      main = byWord;
      reason = 'by its name';
    } else {
      const words = others.filter((column) => !column.isNumber);
      main = leastBy(words.length > 0 ? words : others, (column) => -column.meanLength) ?? others[0];
      reason = 'its texts are the longest';
    }
  }
  let names = [main.name];
  const normal = normalName(main.name);
  const isQuestion = QUESTIONS.includes(normal);
  if (isQuestion) {
    const grounds = find(GROUNDS.filter((name) => name !== 'title'));
    names = [...grounds.slice(0, 1).map(({ name }) => name), main.name];
  } else {
    const companions = companionsOf(main, others);
    if (companions) names = companions;
  }
  if (isQuestion || ['prompt', 'instruction', 'query', 'input'].includes(normal)) {
    names = [
      ...find(BEFORE)
        .slice(0, 1)
        .map(({ name }) => name),
      ...names,
    ];
  }
  const invented = table.columns.every((name, i) => name === `column ${i + 1}`);
  if (invented) {
    const texts = others.filter(
      (column) => !column.isNumber && !column.isClassLike && column.meanLength >= 8,
    );
    if (texts.length > 1) {
      names = texts.map(({ name }) => name);
      reason = 'all columns of text';
    }
  }
  const lines = names.map(columnTemplate);
  const choices = find(CHOICES)[0];
  if (choices && !names.includes(choices.name)) {
    names.push(choices.name);
    lines.push(columnTemplate(choices.name));
  }
  const apart = choices ? [] : choicesApart(others, names);
  const by = numbering(table, apart.length);
  for (const [i, { name }] of apart.entries()) {
    names.push(name);
    lines.push(`${choiceMark(by, i)} ${columnTemplate(name)}`);
  }
  return { lines, names, reason: names.length > 1 && reason === 'by its name' ? 'by their names' : reason };
}

function companionsOf(main: ColumnFacts, others: readonly ColumnFacts[]): string[] | null {
  const normal = normalName(main.name);
  for (const [first, seconds] of COMPANIONS) {
    const head = others.find((column) => normalName(column.name) === first);
    if (!head || (normal !== first && !seconds.includes(normal))) continue;
    const second = seconds.flatMap(
      (name) => others.find((column) => normalName(column.name) === name) ?? [],
    )[0];
    if (second && !second.isNumber) return [head.name, second.name];
  }
  return null;
}

/** Choices in columns of their own: A, B, C; option1, option2; sol1, sol2. */
function choicesApart(columns: readonly ColumnFacts[], used: readonly string[]): ColumnFacts[] {
  const groups = new Map<string, ColumnFacts[]>();
  for (const column of columns) {
    const match = /^(option|choice|sol|solution|ending|answer|op|opt)?[ _]?([a-h]|\d)$/i.exec(column.name);
    if (!match || used.includes(column.name)) continue;
    const stem = `${(match[1] ?? '').toLowerCase()}${/\d/.test(match[2]) ? '0' : 'a'}`;
    groups.set(stem, [...(groups.get(stem) ?? []), column]);
  }
  return [...groups.entries()].find(([stem, group]) => group.length > 1 && stem !== '0')?.[1] ?? [];
}

/** Prodigy's word on each label that it asked about: a rejected one is wrong. */
function isJudgement({ name, index }: ColumnFacts, table: Table): boolean {
  if (normalName(name) !== 'answer') return false;
  const cells = table.rows.slice(0, 1000).map((row) => row[index].trim());
  const known = cells.every((cell) => ['accept', 'reject', 'ignore', ''].includes(cell));
  return known && cells.some((cell) => cell === 'reject' || cell === 'ignore');
}

/** Token ids are of one model's tokenizer, and nothing a person can check. */
function refuseTokens(table: Table, facts: readonly ColumnFacts[]): void {
  const tokenNames = [
    'inputids',
    'attentionmask',
    'tokentypeids',
    'positionids',
    'specialtokensmask',
    'length',
  ];
  const ids = table.columns.find((name) => normalName(name) === 'inputids');
  if (ids === undefined) return;
  const isList = ({ index }: ColumnFacts) =>
    table.rows.every(
      (row) => /^[[\s]*-?\d+([,\s]+-?\d+)*[\]\s]*$/.test(row[index]) || row[index].trim() === '',
    );
  const rest = facts.filter(
    (fact) => !tokenNames.includes(normalName(fact.name)) && !fact.isNumber && !isList(fact),
  );
  if (rest.length > 0) return;
  throw new DataError(
    `The file holds tokens, not text (columns ${table.columns.join(', ')}): they are the numbers of one model’s tokenizer.`,
    { hint: 'Use the dataset as it was before it was tokenised, with its texts.' },
  );
}

function onlyStructure(table: Table, structureColumns: readonly string[]): DataError {
  const name = structureColumns[0] ?? table.columns[0];
  const cell =
    table.rows.map((row) => row[table.columns.indexOf(name)]).find((text) => text.trim() !== '') ?? '';
  return new DataError(
    `Column “${name}” holds lists or objects (${excerpt(cell, 60)}), and no other column holds text.`,
    {
      hint: 'Give each row texts, {"input": "…", "target": "…"}, or a conversation, {"messages": [{"role": "user", "content": "…"}, …]}.',
    },
  );
}

function listColumns(names: readonly string[]): string {
  const quoted = names.map((name) => `“${name}”`);
  if (quoted.length === 1) return `column ${quoted[0]}`;
  return `columns ${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`;
}

/** The best rank of any word of a name; the last word counts first: "ticket category". */
function wordRank(name: string, rank: (name: string) => number): number {
  const words = nameWords(name);
  if (words.length < 2) return Number.POSITIVE_INFINITY;
  return Math.min(...words.map((word, i) => rank(word) + (words.length - 1 - i) * 0.1));
}

/** The first of the items with the least value. */
function leastBy<T>(items: readonly T[], value: (item: T) => number): T | null {
  return items.reduce<T | null>(
    (found, item) => (found === null || value(item) < value(found) ? item : found),
    null,
  );
}
