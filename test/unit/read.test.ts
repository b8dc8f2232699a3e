/** @file `npm run read` for models and prompts: a line a path, whatever lies there. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { tinyModel, zipOf } from '../../tools/fuzz/samples';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'read-'));
afterAll(() => rmSync(folder, { recursive: true }));

const run = promisify(execFile);
async function read(kind: string, ...paths: string[]) {
  const { stdout } = await run(process.execPath, [join(root, 'tools/read/read.mjs'), kind, ...paths], {
    cwd: root,
  });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('npm run read', () => {
  it('says of models what the page makes of them, and what is wrong with those it cannot read', async () => {
    const zip = join(folder, 'tiny.zip');
    writeFileSync(zip, zipOf(tinyModel(), 6));
    const bin = join(folder, 'pytorch_model.bin');
    writeFileSync(bin, new Uint8Array([0x80, 2, 0x8a, 10]));
    const lines = await read('model', 'public/models/studio-2.6m', zip, bin, join(folder, 'none'));
    expect(lines[0]).toMatchObject({
      path: 'public/models/studio-2.6m',
      spec: { modelType: 'llama', layers: 6, hidden: 192, vocabSize: 1536 },
      dtype: 'F16',
      parameters: 2619840,
      error: null,
    });
    expect(lines[1]).toMatchObject({
      chat: true,
      endOfTextId: 259,
      stopIds: expect.arrayContaining([256, 257]),
      notes: [],
      error: null,
    });
    expect(lines[2].error.message).toContain('pickled');
    expect(lines[3].error).toEqual({ message: expect.stringContaining('nothing'), hint: expect.any(String) });
  }, 60_000);

  it('says of prompts what they are', async () => {
    const lines = await read(
      'prompt',
      'test/fixtures/prompts/prefix',
      'test/fixtures/prompts/kobold-lzma.zip',
      bad(),
    );
    expect(lines[0]).toMatchObject({ format: 'peft', method: 'prefix', error: null });
    expect(lines[1]).toMatchObject({
      format: 'kobold',
      method: 'prompt',
      virtualTokens: 4,
      width: 32,
      values: [0.1257302165031433, -0.13210485875606537, 0.6404226422309875, 0.10490011423826218],
      card: { name: 'Tea' },
    });
    expect(lines[2]).toMatchObject({
      format: null,
      error: { message: expect.stringContaining('levels deep') },
    });
  }, 60_000);
});

function bad(): string {
  const path = join(folder, 'deep.json');
  writeFileSync(path, `${'{"a":'.repeat(90_000)}1${'}'.repeat(90_000)}`);
  return path;
}
