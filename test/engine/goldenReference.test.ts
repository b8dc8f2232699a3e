/** @file The reference engine against PyTorch's numbers: every golden case in WebAssembly, the basic ones in plain JavaScript. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { cases, goldenFolder, referenceEqualsPyTorch } from './goldenCases';

/** The slower backend takes those of which the others are variations. `npm run golden` runs any. */
const basic = cases.filter(({ folder }) =>
  /(gpt2-f32|llama-bf16-gqa-tied|llama-f16-untied-llama3rope)$/.test(folder),
);

it('knows every case of the folder', () => {
  expect(basic).toHaveLength(5);
  const folders = readdirSync(goldenFolder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(new Set(cases.map(({ folder }) => folder)).size).toBe(folders.length);
  expect(folders).toHaveLength(20);
});

referenceEqualsPyTorch('cpu', basic);
referenceEqualsPyTorch('wasm', cases);
