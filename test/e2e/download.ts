/** @file A downloaded prompt, and what real PEFT must find in it: the page's own loss on the same examples. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, prepareDataset } from '../../app/data/dataset';
import { parseTable } from '../../app/data/parse';
import { createTokenizer } from '../../app/model/tokenizer';
import { importPrompt } from '../../app/prompt/importPrompt';
import type { PromptArtefact } from '../../app/prompt/types';
import { type Dropped, embeddedModel } from './studio';

/** Reads a prompt file as the page would. */
export function readPrompt(path: string): PromptArtefact {
  return importPrompt([{ name: 'prompt.zip', bytes: new Uint8Array(readFileSync(path)) }]);
}

/** A dropped dataset as the page prepares it with its own choice of columns and template. */
export async function prepare(file: Dropped): Promise<Dataset> {
  const read = (name: string) => JSON.parse(readFileSync(join(embeddedModel, name), 'utf8'));
  const config = read('config.json');
  const tokenizer = createTokenizer({
    tokenizer: read('tokenizer.json'),
    tokenizerConfig: read('tokenizer_config.json'),
    config,
    vocabSize: config.vocab_size,
  });
  const table = await parseTable(file.name, Buffer.from(file.content));
  return prepareDataset({ table, validationTable: null, options: null, tokenizer });
}

/** Leaves beside the download what `test/interop/run.py` compares it with. */
export function writeExpectation(folder: string, name: string, data: Dataset, loss: number): void {
  const examples = data.validation.map(({ tokenIds, isLabel }) => ({
    inputIds: [...tokenIds],
    labels: Array.from(tokenIds, (id, i) => (isLabel[i] === 1 ? id : -100)),
  }));
  const expectation = { adapter: `${name}.zip`, examples, loss, tolerance: 1e-3 };
  writeFileSync(join(folder, `${name}.expect.json`), JSON.stringify(expectation));
}
