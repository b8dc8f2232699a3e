/** @file How much of a dataset is kept for validation and test where nobody has said, and which rows belong together. */
import { isIdName, normalName } from './columnNames';
import type { DataOptions, Table } from './types';

/** Fewer rows than this make no test worth the name. */
const FEWEST_FOR_TEST = 20;
const SMALL_SHARE = 0.2;
const SHARE = 0.15;
/** More rows say little more: the interval of an accuracy is ±3 points with so many. */
const MOST_ROWS = 1000;

/**
 * With fewer than 20 rows a fifth is for validation and none for the test. Else 15 % each, but 1,000 rows each at most
 * (and 1 % at least). A dataset with validation or test rows of its own keeps only what it lacks, and beside validation
 * rows of its own no test is taken from the training rows.
 */
export function usualShares(
  rows: number,
  hasValidation: boolean,
  hasTest: boolean,
): Pick<DataOptions, 'validationShare' | 'testShare'> {
  const small = rows < FEWEST_FOR_TEST;
  const share = small
    ? SMALL_SHARE
    : Math.max(0.01, Math.round(100 * Math.min(SHARE, MOST_ROWS / rows)) / 100);
  return { validationShare: share, testShare: small || hasTest || hasValidation ? 0 : share };
}

const GROUP_NAMES =
  /^(conversation|thread|session|dialog|dialogue|document|doc|article|story|passage|page|book|case|ticket|patient|user|customer|group)(id|no|nr|number|name)?$/;
/** What several questions are asked about. */
const GROUND_NAMES = /^(context|passage|paragraph|article|document|story|background)$/;
/** A column that makes fewer groups, or has one so large, cannot be split by. */
const FEWEST_GROUPS = 5;
const LARGEST_GROUP = 0.2;

/** A column that says which rows are of one conversation, document or case, and repeats; null where none does. */
export function guessGroupColumn(
  table: Table,
  {
    inputTemplate,
    targetTemplate,
    turnColumns = [],
  }: Pick<DataOptions, 'inputTemplate' | 'targetTemplate'> & {
    turnColumns?: string[];
  },
): string | null {
  const candidates = table.columns.filter((name, i) => {
    const isUsed = targetTemplate.includes(`{${name}}`) || turnColumns.includes(name);
    if (isUsed || table.nested.includes(i)) return false;
    const normal = normalName(name);
    if (GROUND_NAMES.test(normal)) return inputTemplate.includes(`{${name}}`) || GROUP_NAMES.test(normal);
    return GROUP_NAMES.test(normal) || isIdName(name);
  });
  return candidates.find((name) => groupsRows(table, table.columns.indexOf(name))) ?? null;
}

function groupsRows(table: Table, column: number): boolean {
  const sizes = new Map<string, number>();
  let filled = 0;
  for (const row of table.rows) {
    const cell = row[column].trim();
    if (cell === '') continue;
    filled++;
    sizes.set(cell, (sizes.get(cell) ?? 0) + 1);
  }
  let largest = 0;
  for (const size of sizes.values()) largest = Math.max(largest, size);
  const repeats = sizes.size <= 0.9 * filled && largest > 1;
  return repeats && sizes.size >= FEWEST_GROUPS && largest <= Math.max(2, LARGEST_GROUP * filled);
}
