/**
 * @file `npm run real -- check`: whether this program computes with the models of `.models/` what transformers and PEFT do (the numbers
 * are truth.py's). A JSON line a comparison; exits 1 if any fails. What was not fetched is skipped, with a word.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import type { Engine } from '../../app/engine/engine';
import type { HostTensor } from '../../app/engine/spec';
import { createWasmEngine } from '../../app/engine/wasm/wasmEngine';
import { createWebGpuEngine } from '../../app/engine/webgpu/webgpuEngine';
import { collectWeights, streamOf, widened } from '../../app/engine/weightStream';
import type { ChatMessage } from '../../app/model/chatTemplate';
import { filesSource } from '../../app/model/filesSource';
import { type Network, type OpenModel, openModel } from '../../app/model/load';
import { runCase } from '../golden/case';
import { expectedGeneration, generateGreedily } from '../golden/generation';
import { startNodeBackend } from '../node/backend';
import { nodeProcessor } from '../node/processor';
import { filesAt } from '../read/files';

interface Texts {
  texts: { text: string; ids: number[]; back: string }[];
  conversations: { messages: ChatMessage[]; start: boolean; rendered: string }[];
}

type Line = { ok: boolean } & Record<string, unknown>;

/** Differences shown of a comparison that fails. */
const MOST_SHOWN = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' } },
});
const [home, ...wanted] = positionals;
/** Only checks whose names begin so. */
const { only } = values;
const models = JSON.parse(readFileSync(new URL('./models.json', import.meta.url), 'utf8')) as {
  id: string;
  gguf: string;
}[];
process.exitCode = await main();

async function main(): Promise<number> {
  let allOk = true;
  for (const { id, gguf: file } of models.filter(
    (model) => wanted.length === 0 || wanted.includes(model.id),
  )) {
    const [single, half] = ['f32', 'bf16'].map((type) => join(home, `${id}-${type}`));
    const texts = join(home, 'truth', `${id}.json`);
    const gguf = join(home, 'gguf', file);
    if (!existsSync(join(single, 'case.json'))) {
      console.log(
        JSON.stringify({ model: id, skipped: 'It is not there: npm run real -- fetch brings it.' }),
      );
      continue;
    }
    const checks: [string, () => Promise<Line>][] = [
      ['ids', async () => compareIds(await open(single), texts)],
      ['chat', async () => compareChats(await open(single), texts)],
      ['GGUF, weights', async () => compareWeights(await open(gguf), single)],
      ['GGUF, ids', async () => compareIds(await open(gguf), texts)],
      ['GGUF, chat', async () => compareChats(await open(gguf), texts)],
      ['processor, as stored', async () => compareStored(single, gguf)],
      ['processor', async () => ({ ...(await runCase(golden(single), onProcessor)) })],
      ['processor, 40 tokens', async () => compareTokens(single)],
      ['fused, few rows', async () => ({ ...(await runCase(golden(half), await fused())) })],
      ['processor, few rows', async () => ({ ...(await runCase(golden(half), onProcessor)) })],
    ];
    for (const [check, run] of checks) {
      if (only && !check.startsWith(only)) continue;
      const begun = performance.now();
      const line = await run().catch((error: unknown) => ({ ok: false, error: String(error) }));
      const seconds = Math.round((performance.now() - begun) / 100) / 10;
      console.log(JSON.stringify({ model: id, check, ...line, seconds }));
      allOk &&= line.ok;
    }
  }
  return allOk ? 0 : 1;
}

function golden(folder: string) {
  return { name: folder, folder, kind: 'prompt' as const };
}

async function onProcessor({ spec, weights }: Network): Promise<Engine> {
  if (tf.getBackend() !== 'cpu') await startNodeBackend('cpu');
  return createWasmEngine(spec, streamOf(weights), await nodeProcessor());
}

async function fused(): Promise<(network: Network) => Promise<Engine>> {
  await startNodeBackend('webgpu');
  const { device } = tf.backend() as unknown as WebGPUBackend;
  return ({ spec, weights }) => createWebGpuEngine(spec, streamOf(weights), device);
}

async function compareTokens(folder: string): Promise<Line> {
  const want = expectedGeneration(folder);
  const found = await generateGreedily(folder, onProcessor);
  const equal = (a: number[], b: number[]) => a.join() === b.join();
  const ok = equal(found.bare, want.bare) && equal(found.prompted, want.prompted);
  return ok ? { ok, tokens: want.bare.length } : { ok, want, found };
}

/** A folder or a GGUF file, as if it were dropped. */
async function open(path: string): Promise<OpenModel> {
  return openModel(await filesSource(await filesAt(path)), { id: path });
}

/** The quantised file computes what PyTorch does with its dequantised weights, which are the folder's. */
async function compareStored(folder: string, gguf: string): Promise<Line> {
  return { ...(await runCase(golden(folder), onProcessor, await filesSource(await filesAt(gguf)))) };
}

/** Every weight of a GGUF file, codes widened, is the folder's. */
async function compareWeights(model: OpenModel, folder: string): Promise<Line> {
  const [found, want] = [model, await open(folder)].map(({ weights }) => collectWeights(weights));
  const expected = await want;
  const differ: object[] = [];
  for (const [name, weight] of await found) {
    const other = expected.get(name);
    const same = other?.shape.join() === weight.shape.join() && sameValues(weight, other);
    if (!same) differ.push({ name });
  }
  return result(expected.size, differ);
}

function sameValues(weight: HostTensor, other: HostTensor): boolean {
  const [values, expected] = [widened(weight), widened(other)];
  // Zero may have either sign: both are equal.
  return values.length === expected.length && values.every((each, i) => each === expected[i]);
}

function readTexts(path: string): Texts {
  return JSON.parse(readFileSync(path, 'utf8')) as Texts;
}

async function compareIds({ tokenizer }: OpenModel, path: string): Promise<Line> {
  const { texts } = readTexts(path);
  const differ: object[] = [];
  for (const { text, ids, back } of texts) {
    const found = tokenizer.encode(text);
    const said = tokenizer.decode(ids, { specialTokens: true });
    if (found.join() !== ids.join() || said !== back) differ.push({ text, want: ids, found, back, said });
  }
  return result(texts.length, differ);
}

async function compareChats({ chat }: OpenModel, path: string): Promise<Line> {
  const { conversations } = readTexts(path);
  if (!chat || conversations.length === 0)
    return { ok: (chat === null) === (conversations.length === 0), compared: 0 };
  const differ: object[] = [];
  for (const { messages, start, rendered } of conversations) {
    const found = chat.render(messages, { generationPrompt: start });
    if (found !== rendered) differ.push({ messages, want: rendered, found });
  }
  return result(conversations.length, differ);
}

function result(compared: number, differ: object[]): Line {
  const ok = differ.length === 0;
  return { ok, compared, ...(ok ? {} : { differ: differ.length, shown: differ.slice(0, MOST_SHOWN) }) };
}
