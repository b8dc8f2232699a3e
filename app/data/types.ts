/** @file The dataset's words: rows, columns, examples, tokenised examples. Produced in the worker, shown by the page. */

export type Role = 'system' | 'user' | 'assistant' | 'tool';

/** What one speaker says in a conversation. */
export interface Turn {
  role: Role;
  text: string;
  /** The model is to learn to say it. Only of assistants. */
  learned: boolean;
  /** What else the file says of it that chat templates know: `tool_calls`, `tool_call_id`, `name`. */
  extra?: Readonly<Record<string, unknown>>;
}

/** One row of the dataset after templating, or one conversation. */
export interface Example {
  /** Of a conversation what comes before the last learned turn, as a person reads it. */
  input: string;
  /** Of a conversation the last learned turn's text. */
  target: string;
  /** 1-based row in the person's file, for messages. */
  row: number;
  /** Of a conversation; it ends with a learned turn. */
  turns?: readonly Turn[];
  /** Descriptions of tools that the model may call, as the file has them; of conversations. */
  tools?: readonly unknown[];
}

/** An example as the model sees it. `tokenIds` and `isLabel` have the same length. */
export interface TokenExample {
  tokenIds: Int32Array;
  /** 1 where the token counts in the loss. */
  isLabel: Uint8Array;
  /** Tokens cut to fit `DataOptions.maxTokens`: from the input's start, and from the end of a target too long by itself. */
  cut: number;
  row: number;
}

/** A parsed file: every cell a string as the file writes it, ragged rows filled with ''. */
export interface Table {
  name: string;
  format: TableFormat;
  columns: string[];
  /** `[row][column]`. Numbers, dates and decimals as written; '' for null, NaN and what is missing. */
  rows: string[][];
  /** 1-based row in the person's file of each entry of `rows` (line where it starts, or record number). */
  rowNumbers: number[];
  /**
   * Columns (indexes into `columns`, ascending) of which cells are JSON text of lists or objects, compact, numbers as
   * written. A scalar in such a column is its plain text, so a cell is nested exactly if it begins with [ or {.
   */
  nested: number[];
  /** What was repaired on the way, for the person: encoding guessed, short rows filled, … */
  notes: string[];
}

export type TableFormat = 'csv' | 'tsv' | 'json' | 'jsonl' | 'parquet' | 'arrow' | 'xlsx' | 'txt';

/** A file's bytes under the name that the person sees; a path where it lay in a folder or zip. */
export interface DataFile {
  name: string;
  bytes: Uint8Array;
}

/** How the characters of a text file were read. */
export interface TextEncoding {
  /** A label that `TextDecoder` knows, lower case: "utf-8", "windows-1251". */
  chosen: string;
  /** Others that the bytes allow, likeliest first, `chosen` among them; only `chosen` where there is no doubt. */
  candidates: string[];
}

/** What dropped files turned out to be. Columns of the three tables may differ. */
export interface OpenedData {
  train: Table;
  validation: Table | null;
  test: Table | null;
  /** What was made of the files as a whole: which became which part, what was joined or left out. */
  notes: string[];
  /** Null where no file is text (Parquet, Arrow, XLSX). */
  encoding: TextEncoding | null;
}

/**
 * How rows become examples. `{column}` in a template stands for that column's cell, `{{` and `}}` for braces.
 * Plain text is both templates' text together, all of it to be learned.
 */
export interface DataOptions {
  kind: 'inputTarget' | 'plainText' | 'conversation';
  /** Both templates are '' for conversations. */
  inputTemplate: string;
  targetTemplate: string;
  /** Columns whose cells hold the turns of a conversation, one column after the other; [] for other kinds. */
  turnColumns: string[];
  /** Which of the assistant's turns are learned. What comes after the last of them is left out. */
  learnedTurns: 'last' | 'all';
  /** What becomes of a conversation's own system turn; replaced, it says `systemText`. Counts only for conversations. */
  systemTurn: 'keep' | 'replace' | 'drop';
  /** Targets that differ only in case, outer white space or a closing mark count as one, written as most rows do. */
  joinLabels: boolean;
  /** Put each example through the model's chat template: the input as the user's turn, the target as the answer. Only where the model has one. */
  chat: boolean;
  /** Text of the system turn that precedes the user's; '' for none. Counts only with `chat`, or where it replaces one. */
  systemText: string;
  /** Append the end-of-text token to the target, so that generation learns to stop. */
  endOfText: boolean;
  /** Longest example in tokens, virtual tokens not counted. */
  maxTokens: number;
  /** Part of the rows kept for validation when the dataset brings none of its own, 0–0.9. */
  validationShare: number;
  /** Part of the rows kept for the test when the dataset brings none of its own; both shares are 0.9 together at most. */
  testShare: number;
  /** Rows with the same cell in this column stay on one side of the split; null where rows stand for themselves. */
  groupColumn: string | null;
  splitSeed: number;
}

/** One token of a preview. */
export interface PreviewToken {
  id: number;
  text: string;
  label: boolean;
}

export interface PreviewExample {
  row: number;
  input: string;
  target: string;
  /** Of a conversation. */
  turns?: readonly Turn[];
  tokens: PreviewToken[];
  cut: number;
}

/** Something in the data that a person may want to know or mend before training. */
export interface DataCheck {
  kind:
    | 'labelVariants'
    | 'disagreement'
    | 'targetInInput'
    | 'oneClass'
    | 'emptyTargets'
    | 'emptyInputs'
    | 'acrossSplit'
    | 'conversations';
  /** In words, with counts. */
  text: string;
  /** The first rows it is seen in, as the person's file counts them. */
  rows: number[];
  /** What the page can do about it at once. */
  action: 'joinLabels' | 'separateLabels' | 'chooseColumns' | null;
}

/** What the page shows of the dataset in use. */
export interface DatasetReport {
  name: string;
  format: Table['format'];
  columns: string[];
  /** Columns that hold conversations, or turns of one. */
  conversationColumns: string[];
  options: DataOptions;
  /** Columns that the options were guessed from, in words: "input from column “text”". */
  guesses: string[];
  rows: number;
  training: number;
  validation: number;
  /** Rows that nothing is chosen by: they are only reported on. */
  test: number;
  /** How the file's characters were read, and how else they may be; null where it is not text. */
  encoding: TextEncoding | null;
  /** Whether validation rows came as a file (or a part of the file) of their own. */
  validationFile: boolean;
  testFile: boolean;
  emptyRows: number;
  duplicateRows: number;
  truncatedRows: number;
  /** Tokens an example: shortest, median, longest. */
  lengths: { min: number; median: number; max: number };
  labelTokens: number;
  /** Distinct targets when there are few enough for a class task (2–100, nearly all of them used again and again), else null. */
  classes: string[] | null;
  preview: PreviewExample[];
  /** What was seen in the rows, for the person to judge. */
  checks: DataCheck[];
  notes: string[];
  /** sha-256 of the examples, hex; identifies the data in a prompt file. */
  hash: string;
}
