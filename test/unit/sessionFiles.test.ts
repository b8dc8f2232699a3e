/** @file What was dropped, where models come from, which columns a template uses. */
import { describe, expect, it } from 'vitest';
import { sortFiles } from '../../app/session/droppedFiles';
import { embeddedModel, parseModelAddress } from '../../app/session/modelAddress';
import { columnOf, withInputColumn, withKind, withTargetColumn } from '../../app/session/templates';
import type { DataOptions } from '../../app/workers/protocol';

const file = (name: string, text = '') => new File([text], name);

describe('dropped files', () => {
  it.each(['rows.csv', 'rows.tsv', 'rows.JSONL', 'rows.parquet', 'notes.txt', 'unknown.xyz'])(
    'opens %s as a dataset and leaves judging it to the worker',
    async (name) => {
      expect(await sortFiles([file(name)])).toMatchObject({ kind: 'dataset' });
    },
  );

  it.each(['prompt.zip', 'adapter_model.safetensors', 'Prompt.NPY', 'adapter_config.json'])(
    'imports %s as a prompt',
    async (name) => {
      expect(await sortFiles([file(name)])).toMatchObject({ kind: 'prompt' });
    },
  );

  it('tells a prompt in JSON from rows in JSON by what it says', async () => {
    const prompt = file('mine.json', '{\n  "format": "soft-prompt", "version": 1}');
    const rows = file('mine.json', '[{"input": "a prompt with virtual tokens", "target": "soft-prompt"}]');
    expect(await sortFiles([prompt])).toMatchObject({ kind: 'prompt' });
    expect(await sortFiles([rows])).toMatchObject({ kind: 'dataset' });
  });

  it('takes a PEFT folder whole and leaves its read-me aside', async () => {
    const files = [file('README.md'), file('adapter_config.json'), file('adapter_model.safetensors')];
    const delivery = await sortFiles(files);
    expect(delivery.kind === 'prompt' && delivery.files.map(({ name }) => name)).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
    ]);
  });

  it.each([
    ['train.csv', 'valid.csv'],
    ['validation.csv', 'train.csv'],
  ])('recognises the validation rows of %s and %s by name', async (a, b) => {
    const delivery = await sortFiles([file(a), file(b)]);
    expect(delivery).toMatchObject({ kind: 'dataset', file: { name: 'train.csv' } });
    expect(delivery.kind === 'dataset' && delivery.validation?.name).toMatch(/^valid/);
  });

  it('refuses with words what it cannot tell apart', async () => {
    expect(await sortFiles([])).toMatchObject({ kind: 'refused' });
    expect(await sortFiles([file('a.csv'), file('p.zip')])).toMatchObject({
      kind: 'refused',
      error: { message: expect.stringContaining('p.zip') },
    });
    expect(await sortFiles(['a', 'b', 'c'].map((name) => file(`${name}.csv`)))).toMatchObject({
      kind: 'refused',
    });
  });
});

describe('model addresses', () => {
  const base = 'https://example.org/studio/';

  it('finds the embedded model under any base path', () => {
    expect(embeddedModel(base).url).toBe('https://example.org/studio/models/studio-2.6m/');
    expect(embeddedModel('http://localhost:4173/index.html').url).toBe(
      'http://localhost:4173/models/studio-2.6m/',
    );
  });

  it.each([
    ['HuggingFaceTB/SmolLM2-135M', 'https://huggingface.co/HuggingFaceTB/SmolLM2-135M/resolve/main/'],
    [
      'https://huggingface.co/openai-community/gpt2',
      'https://huggingface.co/openai-community/gpt2/resolve/main/',
    ],
    ['https://huggingface.co/a/b/tree/v2', 'https://huggingface.co/a/b/resolve/v2/'],
    ['https://host.example/models/tiny', 'https://host.example/models/tiny/'],
    ['https://host.example/models/tiny/config.json', 'https://host.example/models/tiny/'],
    ['./models/other/', 'https://example.org/studio/models/other/'],
  ])('reads %s', (text, url) => {
    expect(parseModelAddress(text, base)).toMatchObject({ url });
  });

  it('names a model after its folder', () => {
    expect(parseModelAddress('https://host.example/models/tiny/', base)).toMatchObject({ id: 'models/tiny' });
    expect(parseModelAddress('https://huggingface.co/a/b/tree/main', base)).toMatchObject({ id: 'a/b' });
  });

  it.each(['', '  ', 'ftp://host/model', 'https://huggingface.co/'])('refuses “%s” with words', (text) => {
    expect(parseModelAddress(text, base)).toHaveProperty('message');
  });
});

describe('columns and templates', () => {
  const columns = ['text', 'label', 'stars'];
  const options = {
    kind: 'inputTarget',
    inputTemplate: 'Review: {text}\n',
    targetTemplate: '{label}',
  } as DataOptions;

  it('puts another column in its place and keeps the words around it', () => {
    expect(withInputColumn(options, columns, 'stars').inputTemplate).toBe('Review: {stars}\n');
    expect(withTargetColumn(options, columns, 'stars').targetTemplate).toBe('{stars}');
  });

  it('begins anew with the column when the template used none', () => {
    const bare = { ...options, inputTemplate: 'no column' };
    expect(withInputColumn(bare, columns, 'text').inputTemplate).toBe('{text}');
  });

  it('finds the column a template uses first', () => {
    expect(columnOf('{stars} of {text}', columns)).toBe('stars');
    expect(columnOf('{other}', columns)).toBeNull();
  });

  it('goes to plain text and back with columns that exist', () => {
    const plain = withKind(options, columns, 'plainText');
    expect(plain).toMatchObject({ inputTemplate: '', targetTemplate: '{text}' });
    expect(withKind(plain, columns, 'inputTarget')).toMatchObject({
      inputTemplate: '{text}\n',
      targetTemplate: '{stars}',
    });
  });
});
