/** @file The reference engine against PyTorch's numbers, for every golden case on every backend. */
import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BackendName } from '../../app/engine/backend';
import { createReferenceEngine } from '../../app/engine/reference/referenceEngine';
import { findCases, runCase } from '../../tools/golden/case';
import { hasNodeGpu, startNodeBackend } from '../../tools/node/backend';

const folder = new URL('../golden', import.meta.url).pathname;
const cases = findCases(folder);
const backends: BackendName[] = ['cpu', 'wasm', 'webgpu'];

it('knows every case of the folder', () => {
  expect(onGpu).toHaveLength(2);
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(new Set(cases.map(({ folder }) => folder)).size).toBe(folders.length);
  expect(folders.length).toBeGreaterThan(0);
});

const gpu = await hasNodeGpu();
/** On a software GPU the reference takes seconds a step: one case a family there; `npm run golden` runs the others. */
const onGpu = cases.filter(({ name }) => ['llama-bf16-gqa-tied', 'gpt2-f32'].includes(name));

describe.each(backends)('the reference engine on %s', (backend) => {
  const missing = backend === 'webgpu' && !gpu;
  describe.skipIf(missing)(
    missing ? 'no Vulkan, Metal or Direct3D driver for Node here' : 'equals PyTorch',
    () => {
      beforeAll(() => startNodeBackend(backend));

      it.each(backend === 'webgpu' ? onGpu : cases)('in $name', async (golden) => {
        const result = await runCase(golden, ({ spec, weights }) => createReferenceEngine(spec, weights));
        expect(result).toMatchObject({ ok: true });
      });
    },
  );
});
