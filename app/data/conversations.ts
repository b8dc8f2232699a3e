/**
 * @file Rows to conversations: the cells' turns joined, speakers cast, the learned turns marked, and all that is odd
 * about them counted, so that nothing is left out or changed without a word.
 */
import { isRecord } from './cells';
import { normalName } from './columnNames';
import { castSpeakers } from './roles';
import { countRows } from './table';
import { type RawTurn, readTurns } from './turns';
import type { DataCheck, DataOptions, Example, Role, Table, Turn } from './types';

export interface ConversationRead {
  /** In the order of the file, one for each row that is one. */
  examples: Example[];
  /** Index of each example's row in the table. */
  places: number[];
  /** Rows with no turn at all, as the file counts them. */
  empty: number[];
  checks: DataCheck[];
  notes: string[];
}

type ConversationOptions = Pick<DataOptions, 'turnColumns' | 'learnedTurns' | 'systemTurn' | 'systemText'>;

/** Columns that hold descriptions of tools. */
const TOOL_COLUMNS = ['tools', 'functions', 'availabletools'];
/** Columns of what a picture or sound in a text stands for. */
const MEDIA_COLUMNS = /^(image|images|audio|audios|video|videos)$/;
const MEDIA_MARK = /<(image|audio|video)>/;
const SHOWN_ROWS = 5;

export function readConversations(table: Table, options: ConversationOptions): ConversationRead {
  const columns = options.turnColumns.map((name) => table.columns.indexOf(name));
  const toolColumn = table.columns.findIndex((name) => TOOL_COLUMNS.includes(normalName(name)));
  const mediaColumns = table.columns.flatMap((name, i) => (MEDIA_COLUMNS.test(normalName(name)) ? [i] : []));
  const raw = table.rows.map((cells) => joinCells(cells, columns, table.columns));
  const casting = castSpeakers(raw.filter((turns) => turns !== null));
  const odd = new Oddities();
  const read: ConversationRead = { examples: [], places: [], empty: [], checks: [], notes: [] };
  raw.forEach((turns, i) => {
    const row = table.rowNumbers[i];
    if (turns?.length === 0) {
      read.empty.push(row);
      return;
    }
    const hasMedia = mediaColumns.some((column) => table.rows[i][column].trim() !== '');
    const cast = turns && castTurns(turns, casting.role, { row, hasMedia, odd });
    if (!turns) odd.see('unreadable', row);
    const learned =
      cast && markLearned(withSystem(joinNeighbours(cast, row, odd), options), options, row, odd);
    if (!learned) return;
    const tools = toolColumn < 0 ? null : readTools(table.rows[i][toolColumn]);
    read.examples.push(toExample(learned, row, tools));
    read.places.push(i);
  });
  if (casting.note) read.notes.push(casting.note);
  if (read.examples.some(({ tools }) => tools)) {
    read.notes.push(
      `The tools in “${table.columns[toolColumn]}” are told to the model where its chat template takes them.`,
    );
  }
  read.checks.push(...odd.checks());
  return read;
}

/** The turns of a row's cells, one column after the other; null where a cell holds none. */
function joinCells(
  cells: readonly string[],
  columns: readonly number[],
  names: readonly string[],
): RawTurn[] | null {
  let joined: RawTurn[] = [];
  for (const column of columns) {
    const turns = readTurns(cells[column], names[column]);
    if (!turns) return null;
    // An answer's column may begin with the question once more.
    const repeats =
      joined.length > 0 &&
      turns.length > joined.length &&
      joined.every(({ text }, i) => text.trim() === turns[i].text.trim());
    joined = repeats ? turns : [...joined, ...turns];
  }
  return joined;
}

interface CastContext {
  row: number;
  /** The row has a picture or a sound in another column. */
  hasMedia: boolean;
  odd: Oddities;
}

/** A turn with its role, and whether the file says that it is not to be learned. */
type CastTurn = Turn & { given: boolean };

function castTurns(
  turns: readonly RawTurn[],
  role: (name: string, speakers: readonly RawTurn[]) => Role | null,
  { row, hasMedia, odd }: CastContext,
): CastTurn[] | null {
  const cast: CastTurn[] = [];
  for (const turn of turns) {
    const mark = hasMedia ? MEDIA_MARK.exec(turn.text)?.[1] : undefined;
    const media = turn.media[0] ?? mark;
    if (media !== undefined) {
      odd.see('media', row, media);
      return null;
    }
    const found = role(turn.name, turns);
    if (found === null) {
      odd.see('unknownRole', row, turn.name);
      return null;
    }
    const { text, given, extra } = turn;
    cast.push({ role: found, text, learned: false, given, ...(extra && { extra }) });
  }
  return cast;
}

/** Neighbouring turns of one speaker are one turn: templates expect speakers to take turns. */
function joinNeighbours(turns: readonly CastTurn[], row: number, odd: Oddities): CastTurn[] {
  const joined: CastTurn[] = [];
  for (const turn of turns) {
    const last = joined.at(-1);
    const same = last?.role === turn.role && (turn.role === 'user' || turn.role === 'assistant');
    if (!last || !same || last.extra?.tool_calls !== undefined || turn.extra?.tool_calls !== undefined) {
      joined.push({ ...turn });
      continue;
    }
    odd.see(turn.role === 'user' ? 'twoUsers' : 'twoAssistants', row);
    last.text = `${last.text.trimEnd()}\n\n${turn.text.trimStart()}`;
    last.given &&= turn.given;
  }
  return joined;
}

function withSystem(turns: CastTurn[], { systemTurn, systemText }: ConversationOptions): CastTurn[] {
  if (systemTurn === 'keep') return turns;
  const rest = turns.filter(({ role }) => role !== 'system');
  const text = systemText.trim();
  if (systemTurn === 'drop' || text === '') return rest;
  return [{ role: 'system', text, learned: false, given: false }, ...rest];
}

/** Marks what is learned and leaves out what comes after it; null where there is nothing to learn. */
function markLearned(
  turns: CastTurn[],
  { learnedTurns }: ConversationOptions,
  row: number,
  odd: Oddities,
): Turn[] | null {
  const says = (turn: CastTurn) => turn.text.trim() !== '' || turn.extra?.tool_calls !== undefined;
  const assistants = turns.filter(({ role }) => role === 'assistant');
  if (assistants.length === 0) {
    odd.see('noAssistant', row);
    return null;
  }
  const last = turns.findLastIndex((turn) => turn.role === 'assistant' && !turn.given && says(turn));
  if (last < 0) {
    odd.see('emptyAnswer', row);
    return null;
  }
  if (turns.slice(last + 1).some(({ role }) => role === 'user' || role === 'tool'))
    odd.see('endsWithUser', row);
  return turns.slice(0, last + 1).map(({ given, ...turn }, i) => ({
    ...turn,
    learned:
      turn.role === 'assistant' &&
      !given &&
      (learnedTurns === 'all' ? turn.text.trim() !== '' || i === last : i === last),
  }));
}

function toExample(turns: Turn[], row: number, tools: unknown[] | null): Example {
  const before = turns.slice(0, -1);
  const said = before.filter(({ role }) => role !== 'system');
  const input =
    said.length === 1 && before.length === 1
      ? said[0].text
      : before.map(({ role, text }) => `${ROLE_WORDS[role]}: ${text}`).join('\n\n');
  const { text, extra } = turns[turns.length - 1];
  const target = text === '' && extra?.tool_calls !== undefined ? JSON.stringify(extra.tool_calls) : text;
  return { input, target, row, turns, ...(tools && { tools }) };
}

/** What a person, and a model without a template of its own, reads before what is said. */
export const ROLE_WORDS: Record<Role, string> = {
  system: 'System',
  user: 'User',
  assistant: 'Assistant',
  tool: 'Tool',
};

/** The words of the system turn that all conversations have; '' where they differ or have none. */
export function commonSystem(examples: readonly Example[]): string {
  const [first, ...others] = examples.map(({ turns }) =>
    turns?.[0]?.role === 'system' ? turns[0].text.trim() : '',
  );
  return first !== undefined && others.every((text) => text === first) ? first : '';
}

function readTools(cell: string): unknown[] | null {
  if (!/^\s*\[/.test(cell)) return null;
  try {
    const tools: unknown = JSON.parse(cell);
    return Array.isArray(tools) && tools.length > 0 && tools.every(isRecord) ? tools : null;
  } catch {
    return null;
  }
}

type Oddity =
  | 'unreadable'
  | 'noAssistant'
  | 'emptyAnswer'
  | 'unknownRole'
  | 'media'
  | 'endsWithUser'
  | 'twoUsers'
  | 'twoAssistants';

/** What is odd, with the rows that it is seen in. */
class Oddities {
  private readonly seen = new Map<Oddity, { rows: number[]; count: number; names: Map<string, number> }>();

  see(oddity: Oddity, row: number, name?: string): void {
    const entry = this.seen.get(oddity) ?? { rows: [], count: 0, names: new Map<string, number>() };
    this.seen.set(oddity, entry);
    if (name !== undefined) entry.names.set(name, (entry.names.get(name) ?? 0) + 1);
    if (entry.rows.at(-1) === row) return;
    entry.count++;
    if (entry.rows.length < SHOWN_ROWS) entry.rows.push(row);
  }

  checks(): DataCheck[] {
    return [...this.seen].map(([oddity, { rows, count, names }]) => ({
      kind: 'conversations',
      text: describe(oddity, count, [...names.keys()]),
      rows,
      action: null,
    }));
  }
}

function describe(oddity: Oddity, count: number, names: readonly string[]): string {
  const named = names
    .slice(0, 5)
    .map((name) => `“${name}”`)
    .join(', ');
  const one = count === 1;
  const have = `${countRows(count)} ${one ? 'has' : 'have'}`;
  const leftOut = one ? 'is left out' : 'are left out';
  switch (oddity) {
    case 'unreadable':
      return `${countRows(count)} ${one ? 'holds' : 'hold'} no conversation in the shape of the others, and ${leftOut}.`;
    case 'noAssistant':
      return `${have} no turn of the assistant, and ${leftOut}.`;
    case 'emptyAnswer':
      return `${have} no answer to learn, since the assistant’s turns are empty or marked as not to be learned, and ${leftOut}.`;
    case 'unknownRole':
      return `${have} speakers that are neither system, user, assistant nor tool (${named}), and ${leftOut}.`;
    case 'media':
      return `${have} content that is no text (${named}), which the model cannot read, and ${leftOut}.`;
    case 'endsWithUser':
      return `${countRows(count)} ${one ? 'ends' : 'end'} with a turn that is not answered; what comes after the last answer is left out.`;
    case 'twoUsers':
      return `${have} two turns of the user in a row; they are joined into one.`;
    case 'twoAssistants':
      return `${have} two turns of the assistant in a row; they are joined into one.`;
  }
}
