/** @file What was dropped, where models come from, which columns a template uses. */
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../app/formats/random';
import { type DropPlace, sortFiles as sortPlaced } from '../../app/session/droppedFiles';
import { embeddedModel, originName, parseModelAddress } from '../../app/session/modelAddress';
import { modelFolder } from '../../app/session/modelFiles';
import { columnOf, withInputColumn, withKind, withTargetColumn } from '../../app/session/templates';
import type { DataOptions } from '../../app/workers/protocol';

const file = (name: string, text = '') => new File([text], name);
const sortFiles = (files: File[], place?: DropPlace) =>
  sortPlaced(
    files.map((one) => ({ path: one.name, file: one })),
    place,
  );
const folder = (...paths: string[]) =>
  paths.map((path) => ({ path, file: file(path.slice(path.lastIndexOf('/') + 1)) }));
const zip = (...names: string[]) =>
  new File([zipSync(Object.fromEntries(names.map((name) => [name, new Uint8Array(9)])))], 'some.zip');

const base = 'https://example.org/studio/';

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

  it('takes files of rows that come together for one dataset', async () => {
    const delivery = await sortFiles([
      file('test.csv'),
      file('train.csv'),
      file('valid.csv'),
      file('README.md'),
    ]);
    expect(delivery.kind === 'dataset' && delivery.files.map(({ name }) => name)).toEqual([
      'test.csv',
      'train.csv',
      'valid.csv',
    ]);
  });

  it('takes a folder of folders for a dataset, each file by its path, and a zip of rows too', async () => {
    const placed = [
      'ds/train/data-00000.arrow',
      'ds/test/data-00000.arrow',
      'ds/train/state.json',
      'ds/README.md',
    ];
    const delivery = await sortPlaced(folder(...placed));
    expect(delivery.kind === 'dataset' && delivery.files.map(({ name }) => name)).toEqual(placed.slice(0, 3));
    expect(await sortFiles([zip('rows/train.csv')])).toMatchObject({ kind: 'dataset' });
    expect(await sortFiles([zip('tensor.npy')])).toMatchObject({ kind: 'prompt' });
    expect(await sortFiles([zip('a.txt')])).toMatchObject({ kind: 'prompt' });
  });

  it('refuses with words what it cannot tell apart', async () => {
    expect(await sortFiles([])).toMatchObject({ kind: 'refused' });
    expect(await sortFiles([file('a.csv'), file('p.zip')])).toMatchObject({
      kind: 'refused',
      error: { message: expect.stringContaining('p.zip') },
    });
  });
});

describe('dropped models', () => {
  const whole = ['config.json', 'tokenizer.json', 'model.safetensors', 'generation_config.json'];

  it('takes a folder in Hugging Face layout for a model wherever it is dropped', async () => {
    const delivery = await sortPlaced(folder(...whole.map((name) => `tiny/${name}`)));
    expect(delivery.kind === 'model' && delivery.files.map(({ name }) => name)).toEqual(whole);
  });

  it('takes the files beside the outermost config.json and leaves other formats below it aside', () => {
    const files = folder(
      'cache/snapshots/abc/config.json',
      'cache/snapshots/abc/model.safetensors',
      'cache/snapshots/abc/onnx/config.json',
      'cache/snapshots/abc/onnx/model.onnx',
      'cache/refs/main',
    );
    expect(modelFolder(files, false)?.map(({ name }) => name)).toEqual(['config.json', 'model.safetensors']);
  });

  it('tells a zip of a model from a zip of a prompt by its table of contents', async () => {
    expect(await sortFiles([zip('tiny/config.json', 'tiny/model.safetensors')])).toMatchObject({
      kind: 'model',
    });
    const adapter = zip('adapter_config.json', 'adapter_model.safetensors');
    expect(await sortFiles([adapter])).toMatchObject({ kind: 'prompt' });
  });

  it('takes a GGUF file for a model, wherever it was dropped', async () => {
    expect(await sortFiles([file('tiny.gguf')])).toMatchObject({ kind: 'model' });
    const delivery = await sortFiles([file('README.md'), file('tiny-Q4_K_M.GGUF')], 'model');
    expect(delivery.kind === 'model' && delivery.files.map(({ name }) => name)).toEqual(['tiny-Q4_K_M.GGUF']);
  });

  it('lets a dataset and a prompt go where they belong, dropped on the model or not', async () => {
    expect(await sortFiles([file('rows.csv')], 'model')).toMatchObject({ kind: 'dataset' });
    const adapter = [file('adapter_config.json'), file('adapter_model.safetensors')];
    expect(await sortFiles(adapter, 'model')).toMatchObject({ kind: 'prompt' });
  });

  it('takes what could be meant as a model for one on its panel only, so that what is missing can be said', async () => {
    expect(await sortFiles([file('model.safetensors')], 'model')).toMatchObject({ kind: 'model' });
    expect(await sortFiles([file('config.json')], 'model')).toMatchObject({ kind: 'model' });
    expect(await sortFiles([file('config.json')])).toMatchObject({ kind: 'dataset' });
  });

  it('looks for data and prompts no deeper than in the folder that was dropped', async () => {
    const files = folder('mine/adapter_config.json', 'mine/adapter_model.safetensors', 'mine/logs/run.csv');
    const delivery = await sortPlaced(files);
    expect(delivery.kind === 'prompt' && delivery.files).toHaveLength(2);
  });
});

describe('model addresses', () => {
  it('finds the embedded model under any base path', () => {
    expect(embeddedModel(base)).toMatchObject({ url: 'https://example.org/studio/models/studio-2.6m/' });
    expect(embeddedModel('http://localhost:4173/index.html')).toMatchObject({
      url: 'http://localhost:4173/models/studio-2.6m/',
    });
  });

  it.each([
    ['HuggingFaceTB/SmolLM2-135M', 'HuggingFaceTB/SmolLM2-135M', 'main'],
    [' a/b@v2 ', 'a/b', 'v2'],
    ['a/b@refs/pr/3', 'a/b', 'refs/pr/3'],
    ['https://huggingface.co/openai-community/gpt2', 'openai-community/gpt2', 'main'],
    ['https://huggingface.co/a/b/tree/v2', 'a/b', 'v2'],
    ['https://hf.co/a/b/resolve/refs%2Fpr%2F3/model.safetensors', 'a/b', 'refs/pr/3'],
    ['https://huggingface.co/a/b/blob/main/config.json', 'a/b', 'main'],
    ['https://huggingface.co/a/b/discussions/4', 'a/b', 'main'],
    ['a/b/c-Q4_K_M.gguf', 'a/b/c-Q4_K_M.gguf', 'main'],
    ['a/b-GGUF/q4/c.gguf@v2', 'a/b-GGUF/q4/c.gguf', 'v2'],
    ['https://huggingface.co/a/b/blob/main/q4/c.gguf', 'a/b/q4/c.gguf', 'main'],
    ['https://huggingface.co/a/b/resolve/v2/c.gguf?download=true', 'a/b/c.gguf', 'v2'],
    ['https://huggingface.co/a/b/tree/main/c.gguf', 'a/b', 'main'],
  ])('reads %s as a model on the Hub', (text, id, revision) => {
    expect(parseModelAddress(text, base)).toEqual({ kind: 'hub', id, revision });
  });

  it.each([
    ['https://host.example/models/tiny', 'https://host.example/models/tiny/'],
    ['https://host.example/models/tiny/config.json', 'https://host.example/models/tiny/'],
    ['https://host.example/models/tiny.gguf', 'https://host.example/models/tiny.gguf'],
    ['./models/other/', 'https://example.org/studio/models/other/'],
    ['/models/other', 'https://example.org/models/other/'],
  ])('reads %s as a folder', (text, url) => {
    expect(parseModelAddress(text, base)).toMatchObject({ kind: 'url', url });
  });

  it('reads an address with broken escapes as it stands', () => {
    expect(parseModelAddress('https://host.example/%zz/model', base)).toMatchObject({ id: '%zz/model' });
  });

  it('names a model after its folder, and a revision beside its name', () => {
    expect(parseModelAddress('https://host.example/models/tiny/', base)).toMatchObject({ id: 'models/tiny' });
    expect(originName({ kind: 'hub', id: 'a/b', revision: 'main' })).toBe('a/b');
    expect(originName({ kind: 'hub', id: 'a/b', revision: '0123456789'.repeat(4) })).toBe('a/b@0123456');
    expect(originName({ kind: 'files', files: [file('tiny.zip')] })).toBe('tiny.zip');
  });

  it.each([
    '',
    '  ',
    'gpt2',
    'a/b@',
    'a/b c',
    'ftp://host/model',
    'https://huggingface.co/',
    'https://huggingface.co/datasets/a/b',
    'https://huggingface.co/%zz/model',
    'https://hf.co/a/b/tree/%E0%A4',
    'https://huggingface.co/a%20b/model',
    'https://huggingface.co/a%2Fb/c',
    'https://huggingface.co/%2E%2E%2F/model',
    'a/..',
    'https://somebody:secret@host.example/model',
    'http://[::1',
    'https://host.example:99999999/model',
    'javascript:alert(1)',
    'blob:https://example.org/1',
    'https://huggingface.co/a/%E0%A4%A',
  ])('refuses “%s” with words', (text) => {
    expect(parseModelAddress(text, base)).toHaveProperty('message');
  });
});

describe('whatever is typed for an address', () => {
  const pieces = [
    'https://',
    'http:',
    '//',
    '/',
    '.',
    '..',
    '@',
    ':',
    '?',
    '#',
    '%',
    '%zz',
    '%E0',
    '%2F',
    '%00',
    'a',
    'B-1',
  ]
    .concat([
      'huggingface.co',
      'hf.co',
      'host.example',
      ' ',
      '\t',
      '\\',
      '[',
      ']',
      '\ud800',
      '\0',
      'é',
      'tree',
      'resolve',
      'main',
    ])
    .concat([
      'datasets',
      'config.json',
      '{',
      '$&',
      '|',
      '^',
      '<',
      '"',
      'xn--',
      '٣',
      '🙂',
      'data:',
      'file:///',
      ':80',
      ':0x',
    ]);

  it('is an origin or is refused with words, and the name it is shown by can be made', () => {
    const random = createRandom(8);
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: 1 + random.int(9) }, () => pieces[random.int(pieces.length)]).join(
        '',
      );
      const parsed = parseModelAddress(text, base);
      if ('message' in parsed) expect(parsed.message.length, text).toBeGreaterThan(10);
      else expect(originName(parsed).length, text).toBeGreaterThan(0);
    }
  });

  it('leads to the Hub under a name of the Hub, and elsewhere over http or https', () => {
    const random = createRandom(9);
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: 1 + random.int(9) }, () => pieces[random.int(pieces.length)]).join(
        '',
      );
      const parsed = parseModelAddress(`https://huggingface.co/${text}`, base);
      if ('message' in parsed) continue;
      if (parsed.kind === 'hub') expect(parsed.id).toMatch(/^[\w.-]*[\w-][\w.-]*\/[\w.-]*[\w-][\w.-]*$/);
      else if (parsed.kind === 'url') expect(parsed.url).toMatch(/^https?:/);
    }
  });
});

describe('columns and templates', () => {
  const columns = ['text', 'label', 'stars'];
  const options = {
    kind: 'inputTarget',
    inputTemplate: 'Review: {text}\n',
    targetTemplate: '{label}',
  } as DataOptions;

  it('takes a column by its name, whatever that would mean in a replacement', () => {
    for (const name of ['$&', '$1', '$`', "$'", '$$']) {
      expect(withInputColumn(options, [...columns, name], name).inputTemplate).toBe(`Review: {${name}}\n`);
    }
  });

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
    const plain = withKind(options, { columns, conversationColumns: [] }, 'plainText');
    expect(plain).toMatchObject({ inputTemplate: '', targetTemplate: '{text}' });
    expect(withKind(plain, { columns, conversationColumns: [] }, 'inputTarget')).toMatchObject({
      inputTemplate: '{text}\n',
      targetTemplate: '{stars}',
    });
  });
});
