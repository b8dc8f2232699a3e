/** @file Small sound files of each format, to be damaged. Made here, or the tests' own. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Zippable, zipSync } from 'fflate';
import { createRandom } from '../../app/formats/random';
import { describeModel } from '../../app/model/families';
import { exportPrompt } from '../../app/prompt/exportPrompt';
import type { PromptArtefact, PromptFormat } from '../../app/prompt/types';
import { withHeader } from './containers';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../test');

const encode = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

/** Files of a folder of the tests' fixtures whose names end so, by name. */
export function fixtures(folder: string, ending: RegExp): Map<string, Uint8Array> {
  return filesOf(join(root, 'fixtures', folder), ending);
}

function filesOf(path: string, ending: RegExp): Map<string, Uint8Array> {
  const names =
    existsSync(path) && statSync(path).isDirectory()
      ? readdirSync(path).filter((name) => ending.test(name))
      : [];
  return new Map(names.map((name) => [name, new Uint8Array(readFileSync(join(path, name)))]));
}

/** The configurations of every family that has a golden checkpoint, with the checkpoint. */
export function goldenNetworks(): Map<string, Uint8Array>[] {
  return readdirSync(join(root, 'golden'))
    .map((name) =>
      filesOf(join(root, 'golden', name), /^(config\.json|model.*\.safetensors(\.index\.json)?)$/),
    )
    .filter((files) => files.has('config.json'));
}

const config = {
  model_type: 'llama',
  vocab_size: 264,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
  eos_token_id: 256,
};

const template =
  "{% for message in messages %}{{ '<' + message.role + '>' + message.content + eos_token }}{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}";

/** A Llama of two layers with every file that a chat model has. */
export function tinyModel(): Map<string, Uint8Array> {
  return new Map([
    ['config.json', encode(config)],
    ['tokenizer.json', encode(tinyTokenizer())],
    ['tokenizer_config.json', encode({ bos_token: '<turn>', eos_token: '<end>', pad_token: '<end>' })],
    ['generation_config.json', encode({ eos_token_id: [256, 257], temperature: 0.6 })],
    ['chat_template.jinja', encode(template)],
    ['model.safetensors', tinyWeights()],
  ]);
}

/** Bytes, some merges, and a few tokens that were added. */
function tinyTokenizer(): unknown {
  const { tokenizer } = JSON.parse(
    new TextDecoder().decode(fixtures('tokenizers', /^byteLevel\.json$/).get('byteLevel.json')),
  );
  const letters = Object.entries<number>(tokenizer.model.vocab).filter(([, id]) => id < 256);
  const vocab = Object.fromEntries(letters.map(([token], id) => [token, id]));
  const merged: [string, string][] = [
    ['t', 'h'],
    ['h', 'e'],
    ['i', 'n'],
  ].filter((pair): pair is [string, string] => pair.every((letter) => Object.hasOwn(vocab, letter)));
  let id = letters.length;
  const added = ['<end>', '<turn>'].map((content) => ({
    id: id++,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  for (const pair of merged) vocab[pair.join('')] = id++;
  return {
    ...tokenizer,
    added_tokens: added,
    model: { ...tokenizer.model, vocab, merges: merged.map((pair) => pair.join(' ')) },
  };
}

function tinyWeights(): Uint8Array {
  const random = createRandom(3);
  const { sources } = describeModel(config, new Map());
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let at = 0;
  for (const { name, shape } of sources.flatMap(({ parts }) => parts)) {
    const bytes = 2 * shape.reduce((product, n) => product * n, 1);
    header[name] = { dtype: 'BF16', shape, data_offsets: [at, at + bytes] };
    at += bytes;
  }
  const data = new Uint8Array(at);
  for (let i = 0; i < at; i += 2) {
    data[i] = random.int(256);
    data[i + 1] = 0x3c | (random.int(2) << 7);
  }
  return withHeader(JSON.stringify(header), data);
}

/** A zip of files, stored or deflated. */
export function zipOf(files: ReadonlyMap<string, Uint8Array>, level: 0 | 6): Uint8Array {
  const zippable: Zippable = {};
  for (const [name, bytes] of files) zippable[name] = [bytes, { level, mtime: new Date(1980, 0, 1) }];
  return zipSync(zippable);
}

export function tinyPrompt(kind: PromptArtefact['kind']): PromptArtefact {
  const random = createRandom(5);
  const [virtualTokens, width] = [3, 16];
  return {
    kind,
    virtualTokens,
    width,
    values: Float32Array.from({ length: virtualTokens * width }, () => random.normal()),
    model: { id: 'owner/model', revision: null, hidden: 16, layers: 2, heads: 4, kvHeads: 2, headDim: 2 },
    card: { name: 'Tea', dataset: 'rows.csv', step: '90', inputTemplate: '{text}', chat: 'true' },
  };
}

/** The tiny prompt as each format writes it. */
export function promptFile(format: PromptFormat, kind: PromptArtefact['kind'] = 'prompt'): Uint8Array {
  return exportPrompt(tinyPrompt(kind), format).bytes;
}

/** An adapter's folder, by the file's own name. */
export function adapterFolder(name: string): Map<string, Uint8Array> {
  return new Map(
    [...fixtures(join('prompts', name), /^adapter_/)].map(([path, bytes]) => [basename(path), bytes]),
  );
}

export const tables = {
  csv: encode('text,label,n\n"good, really",pos,1\nbad,neg,2\n"two\nlines",pos,3\nüber,neg,4.50\n'),
  semicolons: encode('\uFEFFtext;label\r\nSchön;4,5\r\n"a;b";1,5\r\n'),
  json: encode([
    { text: 'good', label: 'pos', n: 123456789, deep: { a: [1, 2] } },
    { text: 'bad', label: 'neg', n: 1.1, deep: null },
  ]),
  columns: encode({ text: ['good', 'bad'], label: ['pos', 'neg'] }),
  messages: encode([
    {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
      ],
    },
    {
      messages: [
        { role: 'user', content: 'Bye' },
        { role: 'assistant', content: 'See you' },
      ],
    },
  ]),
  jsonl: encode(
    '{"input": "2+2", "output": "4"}\n{"input": "3+3", "output": 6}\n{"input": "", "output": null}\n',
  ),
};
