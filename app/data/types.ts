/** @file The dataset's words: rows, columns, examples, tokenised examples. Produced in the worker, shown by the page. */

/** One row of the dataset after templating. */
export interface Example {
  input: string;
  target: string;
  /** 1-based row in the person's file, for messages. */
  row: number;
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
  kind: 'inputTarget' | 'plainText';
  inputTemplate: string;
  targetTemplate: string;
  /** Put each example through the model's chat template: the input as the user's turn, the target as the answer. Only where the model has one. */
  chat: boolean;
  /** Text of the system turn that precedes the user's; '' for none. Counts only with `chat`. */
  systemText: string;
  /** Append the end-of-text token to the target, so that generation learns to stop. */
  endOfText: boolean;
  /** Longest example in tokens, virtual tokens not counted. */
  maxTokens: number;
  /** Part of the rows kept for validation when the dataset brings none of its own, 0–0.9. */
  validationShare: number;
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
  tokens: PreviewToken[];
  cut: number;
}

/** What the page shows of the dataset in use. */
export interface DatasetReport {
  name: string;
  format: Table['format'];
  columns: string[];
  options: DataOptions;
  /** Columns that the options were guessed from, in words: "input from column “text”". */
  guesses: string[];
  rows: number;
  training: number;
  validation: number;
  /** Whether validation rows came as a file of their own. */
  validationFile: boolean;
  emptyRows: number;
  duplicateRows: number;
  truncatedRows: number;
  /** Tokens an example: shortest, median, longest. */
  lengths: { min: number; median: number; max: number };
  labelTokens: number;
  /** Distinct targets when there are few enough for a class task (2–20, each used twice or more), else null. */
  classes: string[] | null;
  preview: PreviewExample[];
  notes: string[];
  /** sha-256 of the examples, hex; identifies the data in a prompt file. */
  hash: string;
}
