/** @file `read tokenizer`: a folder with tokenizer.json and the texts of texts.json, encoded and decoded. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readBeside } from '../../app/model/besideTokenizer';
import { ModelError } from '../../app/model/errors';
import { parseJsonFile } from '../../app/model/json';
import { createTokenizer } from '../../app/model/tokenizer';
import type { ReadError, Reading } from './reader';

const textsSchema = z.array(z.string());

interface ReadCase {
  text: string;
  ids: number[];
  /** The ids decoded, special tokens kept. */
  back: string;
}

export async function readTokenizer(path: string): Promise<Reading> {
  try {
    return { path, cases: await readCases(path), error: null };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    const said: ReadError = { message: error.message, hint: error.hint };
    return { path, cases: [], error: said };
  }
}

async function readCases(path: string): Promise<ReadCase[]> {
  const [tokenizer, tokenizerConfig, texts, names] = await Promise.all([
    read(path, 'tokenizer.json'),
    optional(path, 'tokenizer_config.json'),
    read(path, 'texts.json'),
    readdir(path),
  ]);
  const beside = await readBeside((name) => readFile(join(path, name)), names, tokenizerConfig);
  const list = textsSchema.safeParse(texts);
  if (!list.success)
    throw new ModelError('malformed', 'texts.json is no list of texts.', 'Write ["a text", …].');
  const made = createTokenizer({
    ...beside,
    tokenizer,
    tokenizerConfig,
    config: null,
    vocabSize: Number.POSITIVE_INFINITY,
  });
  return list.data.map((text) => {
    const ids = made.encode(text);
    return { text, ids, back: made.decode(ids, { specialTokens: true }) };
  });
}

async function read(path: string, name: string): Promise<unknown> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(join(path, name));
  } catch {
    throw new ModelError('missingFile', `The folder has no ${name}.`, 'Check its name.');
  }
  return parseJsonFile(bytes, name);
}

/** Null where there is no such file, or nothing that can be read in it. */
async function optional(path: string, name: string): Promise<unknown> {
  try {
    return await read(path, name);
  } catch {
    return null;
  }
}
