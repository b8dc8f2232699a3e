/** @file The reference engine against PyTorch's numbers: every golden case in WebAssembly, the basic ones in plain JavaScript. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { cases, goldenFolder, referenceEqualsPyTorch } from './goldenCases';

/**
 * The slower backend takes the smallest of each build: learned positions and LayerNorm, rotary and RMS norm with biases, norms of
 * queries and keys, windows, prompts and prefixes. `npm run golden` runs any.
 */
const basic = cases.filter(({ folder }) =>
  /(gptneo-f16|llama-f16-biases-linear|qwen3-bf16-shards)$/.test(folder),
);

it('knows every case of the folder', () => {
  expect(basic).toHaveLength(4);
  const folders = readdirSync(goldenFolder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(new Set(cases.map(({ folder }) => folder)).size).toBe(folders.length);
  expect(folders).toHaveLength(20);
});

referenceEqualsPyTorch('cpu', basic);
referenceEqualsPyTorch('wasm', cases);
