/**
 * @file What a person waits for whose file holds conversations: `npm run bench:conversations`. A JSONL of seeded short ones is
 * read, rendered through chat templates as real models have them, and tokenised, every answer learned. Prints JSON.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Dataset, prepareDataset } from '../app/data/dataset';
import { openData } from '../app/data/open';
import { completeOptions } from '../app/data/options';
import type { DataFile, TokenExample } from '../app/data/types';
import { createRandom } from '../app/formats/random';
import { createChatTemplate } from '../app/model/chatTemplate';
import { createTokenizer } from '../app/model/tokenizer';
import { root } from '../tools/setup/project.mjs';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    templates: { type: 'string', default: 'smollm2,qwen25,qwen3' },
    learned: { type: 'string', default: 'all' },
  },
});
const [count, seed] = [Number(values.count), Number(values.seed)];
const learnedTurns = values.learned === 'last' ? 'last' : 'all';

const CHATML = ['<|im_start|>', '<|im_end|>'];
/** What each model divides texts by; the vocabulary is the embedded model's, whose files are here. */
const PRE_TOKENIZERS: Record<string, string> = {
  smollm2: 'digitsByteLevel',
  qwen25: 'splitByteLevel',
  qwen3: 'splitByteLevel',
};

const file = conversations(count, seed);
const measured: Record<string, Awaited<ReturnType<typeof measure>>> = {};
for (const name of values.templates.split(',')) measured[name] = await measure(name);
console.log(
  JSON.stringify(
    {
      date: new Date().toISOString(),
      runtime: `Node ${process.version}, ${process.platform} ${process.arch}`,
      processor: `${cpus()[0].model}, ${cpus().length} cores`,
      conversations: count,
      seed,
      learnedTurns,
      megabytes: Math.round(file.bytes.length / 1e5) / 10,
      measured,
    },
    null,
    2,
  ),
);

async function measure(name: string) {
  const { tokenizer, chatTemplate } = await openModel(name);
  const start = process.cpuUsage();
  const began = performance.now();
  const opened = await openData([file]);
  const read = process.cpuUsage(start);
  const options = completeOptions({
    kind: 'conversation',
    turnColumns: ['messages'],
    learnedTurns,
    maxTokens: 1024,
  });
  const dataset = await prepareDataset({
    table: opened.train,
    validationTable: null,
    tokenizer,
    chatTemplate,
    options,
  });
  const whole = process.cpuUsage(start);
  return {
    cpuSeconds: { reading: seconds(read), all: seconds(whole) },
    wallSeconds: Math.round(performance.now() - began) / 1000,
    rows: dataset.report.rows,
    tokens: allTokens(dataset).reduce((sum, { tokenIds }) => sum + tokenIds.length, 0),
    learned: dataset.report.labelTokens,
    sha256: hashOf(dataset),
  };
}

function seconds({ user, system }: NodeJS.CpuUsage): number {
  return Math.round((user + system) / 1e3) / 1e3;
}

function allTokens({ training, validation, test }: Dataset): TokenExample[] {
  return [...training, ...validation, ...test];
}

/** Of every id and every label. */
function hashOf(dataset: Dataset): string {
  const hash = createHash('sha256');
  for (const { tokenIds, isLabel, row } of allTokens(dataset)) {
    hash.update(Int32Array.of(row, tokenIds.length)).update(tokenIds).update(isLabel);
  }
  return hash.digest('hex');
}

async function openModel(name: string) {
  const json = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));
  const tokenizer = json('public/models/studio-2.6m/tokenizer.json');
  const { vocab } = tokenizer.model;
  const first = 1 + Math.max(...(Object.values(vocab) as number[]));
  tokenizer.pre_tokenizer = json(
    `test/fixtures/tokenizers/${PRE_TOKENIZERS[name]}.json`,
  ).tokenizer.pre_tokenizer;
  tokenizer.added_tokens.push(...CHATML.map((content, i) => ({ id: first + i, content, special: true })));
  const tokenizerConfig = { eos_token: CHATML[1] };
  const source = readFileSync(join(root, `test/fixtures/chat/templates/${name}.jinja`), 'utf8');
  return {
    tokenizer: createTokenizer({ tokenizer, tokenizerConfig, config: {}, vocabSize: first + CHATML.length }),
    chatTemplate: await createChatTemplate(source, tokenizerConfig),
  };
}

/** One to three exchanges of a sentence each, of the words of the sample datasets and some numbers. */
function conversations(count: number, seed: number): DataFile {
  const random = createRandom(seed);
  const text = ['report-headline', 'courier-intent', 'review-sentiment']
    .map((name) => readFileSync(join(root, `public/datasets/${name}.csv`), 'utf8'))
    .join(' ');
  const words = text.match(/[A-Za-z']+/g) ?? [];
  const word = () => (random.int(20) === 0 ? String(random.int(10_000)) : words[random.int(words.length)]);
  const sentence = () => `${Array.from({ length: 3 + random.int(8) }, word).join(' ')}.`;
  const lines = Array.from({ length: count }, () => {
    const messages = Array.from({ length: 1 + random.int(3) }, () => [
      { role: 'user', content: sentence() },
      { role: 'assistant', content: sentence() },
    ]).flat();
    return JSON.stringify({ messages });
  });
  return { name: 'conversations.jsonl', bytes: new TextEncoder().encode(`${lines.join('\n')}\n`) };
}
