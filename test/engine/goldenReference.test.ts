/** @file The reference engine against PyTorch's numbers: the golden cases on tfjs's backends. */
import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BackendName } from '../../app/engine/backend';
import { createReferenceEngine } from '../../app/engine/reference/referenceEngine';
import { streamOf } from '../../app/engine/weightStream';
import { type GoldenCase, runCase } from '../../tools/golden/case';
import { startNodeBackend } from '../../tools/node/backend';
import { cases, goldenFolder, gpu, noGpu } from './goldenCases';

const backends: BackendName[] = ['cpu', 'wasm', 'webgpu'];

/** Every case goes through wasm; the slower backends take the quickest. `npm run golden` runs any. */
const quick = cases.filter(({ name }) => ['gpt2-f32', 'llama-f16-biases-linear'].includes(name));
const chosen: Record<BackendName, GoldenCase[]> = { wasm: cases, cpu: quick, webgpu: quick.slice(1) };

it('knows every case of the folder', () => {
  expect(quick).toHaveLength(2);
  const folders = readdirSync(goldenFolder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(new Set(cases.map(({ folder }) => folder)).size).toBe(folders.length);
  expect(folders).toHaveLength(18);
});

describe.each(backends)('the reference engine on %s', (backend) => {
  const missing = backend === 'webgpu' && !gpu;
  describe.skipIf(missing)(missing ? noGpu : 'equals PyTorch', () => {
    beforeAll(() => startNodeBackend(backend));

    it.each(chosen[backend])('in $name', async (golden) => {
      const result = await runCase(golden, ({ spec, weights }) =>
        createReferenceEngine(spec, streamOf(weights)),
      );
      expect(result).toMatchObject({ ok: true });
    });
  });
});
