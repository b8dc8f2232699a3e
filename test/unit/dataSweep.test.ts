/**
 * @file Files that pyarrow, pandas, openpyxl, `datasets` and Python's csv wrote are read as those read them: every type,
 * codec, separator, orientation and encoding (`test/fixtures/data/make_sweep.py` makes them and says what they hold).
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openData } from '../../app/data/open';
import type { DataFile } from '../../app/data/types';

const FOLDER = 'test/fixtures/data/sweep';

interface Expected {
  columns: string[];
  rows: string[][];
  nested: number[];
  format: string;
  validation?: string[][];
  test?: string[][];
}

const expected: Record<string, Expected> = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8'));

function filesAt(path: string): DataFile[] {
  const whole = join(FOLDER, path);
  if (!statSync(whole).isDirectory()) return [{ name: path, bytes: new Uint8Array(readFileSync(whole)) }];
  return readdirSync(whole, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(whole, name)).isFile())
    .map((name) => ({ name: join(path, name), bytes: new Uint8Array(readFileSync(join(whole, name))) }));
}

test.each(Object.keys(expected))('%s', async (path) => {
  const { columns, rows, nested, format, validation = null, test = null } = expected[path];
  const opened = await openData(filesAt(path));
  expect(opened.train.columns).toEqual(columns);
  expect(opened.train.rows).toEqual(rows);
  expect(opened.train.format).toBe(format);
  expect(opened.train.nested).toEqual(nested);
  expect(opened.validation?.rows ?? null).toEqual(validation);
  expect(opened.test?.rows ?? null).toEqual(test);
});
