/** @file Small files that were once read wrongly, each with what it holds: `expected.json` beside them says it. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { DataError } from '../../app/data/errors';
import { openData } from '../../app/data/open';

const FOLDER = 'test/fixtures/data/fileCases';

type Expected = { columns: string[]; rows: string[][]; test?: string[][] } | { error: string };

const expected: Record<string, Expected> = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8'));

test.each(Object.keys(expected))('%s', async (path) => {
  const wanted = expected[path];
  const bytes = new Uint8Array(readFileSync(join(FOLDER, path)));
  const opened = await openData([{ name: basename(path), bytes }]).catch((reason: unknown) => reason);
  if ('error' in wanted) {
    expect(opened).toBeInstanceOf(DataError);
    expect(opened).toMatchObject({ message: wanted.error, hint: expect.stringMatching(/./) });
  } else {
    const { columns, rows, test = null } = wanted;
    expect(opened).toMatchObject({ train: { columns, rows }, test: test && { rows: test } });
  }
});
