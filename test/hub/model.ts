/** @file Models of any size for the tests' Hub: true shapes and names, made-up weights that are never in memory whole. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describeModel } from '../../app/model/families';
import { type HubFile, hubFile } from './server';

export interface ModelSize {
  vocab: number;
  hidden: number;
  layers: number;
  mlp: number;
  /** Files that the weights are spread over. */
  shards?: number;
}

const PATTERN_BYTES = 4_194_314;

/** BF16 numbers between -1/32 and 1/32, in no order; as long as a prime's double, so that misplaced bytes show. */
const pattern = (() => {
  const bytes = new Uint8Array(PATTERN_BYTES);
  let state = 12345;
  for (let i = 0; i < bytes.length; i += 2) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
    bytes[i + 1] = 0x3c | ((state >>> 16) & 0x80);
  }
  return bytes;
})();

/** `config.json`, `tokenizer.json` and weights of a Llama in BF16. */
export function llamaFiles(size: ModelSize): Map<string, HubFile> {
  const { vocab, hidden, layers, mlp, shards = 1 } = size;
  const config = {
    model_type: 'llama',
    vocab_size: vocab,
    hidden_size: hidden,
    intermediate_size: mlp,
    num_hidden_layers: layers,
    num_attention_heads: hidden / 64,
    num_key_value_heads: hidden / 64,
    max_position_embeddings: 512,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    hidden_act: 'silu',
    tie_word_embeddings: true,
  };
  const { sources } = describeModel(config, new Map([['model.embed_tokens.weight', { dtype: 'BF16' }]]));
  const tensors = sources
    .flatMap(({ parts }) => parts.map(({ name, shape }) => ({ name, shape })))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const files = new Map<string, HubFile>([
    ['README.md', hubFile(new TextEncoder().encode('# A model'))],
    ['config.json', hubFile(json(config))],
    ['tokenizer.json', hubFile(json(smallTokenizer(vocab)), true)],
  ]);
  const each = Math.ceil(tensors.length / shards);
  const weightMap: Record<string, string> = {};
  for (let shard = 0; shard < shards; shard++) {
    const inside = tensors.slice(shard * each, (shard + 1) * each);
    const number = (n: number) => String(n).padStart(5, '0');
    const name =
      shards === 1 ? 'model.safetensors' : `model-${number(shard + 1)}-of-${number(shards)}.safetensors`;
    for (const tensor of inside) weightMap[tensor.name] = name;
    files.set(name, safetensors(inside));
  }
  if (shards > 1) files.set('model.safetensors.index.json', hubFile(json({ weight_map: weightMap })));
  return files;
}

/** All bytes of a file. */
export function wholeFile(file: HubFile): Uint8Array {
  return file.at(0, file.size);
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function safetensors(tensors: { name: string; shape: number[] }[]): HubFile {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const { name, shape } of tensors) {
    const begin = end;
    end += shape.reduce((product, n) => product * n, 2);
    header[name] = { dtype: 'BF16', shape, data_offsets: [begin, end] };
  }
  const text = json(header);
  const head = new Uint8Array(8 + text.byteLength);
  new DataView(head.buffer).setBigUint64(0, BigInt(text.byteLength), true);
  head.set(text, 8);
  const size = head.byteLength + end;
  const at = (from: number, to: number) => {
    const bytes = new Uint8Array(to - from);
    for (let done = 0; done < bytes.byteLength; ) {
      const position = from + done;
      const source = position < head.byteLength ? head : pattern;
      const start = position < head.byteLength ? position : (position - head.byteLength) % PATTERN_BYTES;
      const piece = source.subarray(start, start + bytes.byteLength - done);
      bytes.set(piece, done);
      done += piece.byteLength;
    }
    return bytes;
  };
  const hash = createHash('sha256');
  for (let from = 0; from < size; from += PATTERN_BYTES)
    hash.update(at(from, Math.min(from + PATTERN_BYTES, size)));
  return { size, at, sha256: hash.digest('hex') };
}

/** The byte-level fixture, cut down to a vocabulary's size by leaving out its last merges. */
export function smallTokenizer(vocab: number): object {
  const path = `${import.meta.dirname}/../fixtures/tokenizers/byteLevel.json`;
  const { tokenizer } = JSON.parse(readFileSync(path, 'utf8'));
  const entries = Object.entries<number>(tokenizer.model.vocab).filter(([, id]) => id < vocab);
  const kept = new Set(entries.map(([token]) => token));
  tokenizer.model.vocab = Object.fromEntries(entries);
  tokenizer.model.merges = tokenizer.model.merges.filter((pair: string[]) => kept.has(pair.join('')));
  return tokenizer;
}
