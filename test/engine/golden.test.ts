/** @file Both engines against PyTorch's numbers: the golden cases on every backend. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BackendName } from '../../app/engine/backend';
import { createReferenceEngine } from '../../app/engine/reference/referenceEngine';
import { createWebGpuEngine } from '../../app/engine/webgpu/webgpuEngine';
import { findCases, type GoldenCase, runCase } from '../../tools/golden/case';
import { hasNodeGpu, startNodeBackend } from '../../tools/node/backend';

const folder = fileURLToPath(new URL('../golden', import.meta.url));
const cases = findCases(folder);
const backends: BackendName[] = ['cpu', 'wasm', 'webgpu'];

it('knows every case of the folder', () => {
  expect(chosen.cpu).toHaveLength(5);
  expect(chosen.webgpu).toHaveLength(2);
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(new Set(cases.map(({ folder }) => folder)).size).toBe(folders.length);
  expect(folders.length).toBeGreaterThan(0);
});

const gpu = await hasNodeGpu();
const noGpu = 'no Vulkan, Metal or Direct3D driver for Node here';

describe.skipIf(!gpu)(gpu ? 'the fused engine equals PyTorch' : noGpu, () => {
  beforeAll(() => startNodeBackend('webgpu'));

  it.each(cases)('in $name', async (golden) => {
    const { device } = tf.backend() as unknown as WebGPUBackend;
    const result = await runCase(golden, ({ spec, weights }) => createWebGpuEngine(spec, weights, device));
    expect(result).toMatchObject({ ok: true });
  });
});

/** Every case goes through wasm; the slower backends take the two families of which the others are variations. `npm run golden` runs any. */
const chosen: Record<BackendName, GoldenCase[]> = {
  wasm: cases,
  cpu: cases.filter(({ name }) => /^(llama|gpt2)-/.test(name)),
  webgpu: cases.filter(({ name }) => ['llama-bf16-gqa-tied', 'gpt2-f32'].includes(name)),
};

describe.each(backends)('the reference engine on %s', (backend) => {
  const missing = backend === 'webgpu' && !gpu;
  describe.skipIf(missing)(
    missing ? 'no Vulkan, Metal or Direct3D driver for Node here' : 'equals PyTorch',
    () => {
      beforeAll(() => startNodeBackend(backend));

      it.each(chosen[backend])('in $name', async (golden) => {
        const result = await runCase(golden, ({ spec, weights }) => createReferenceEngine(spec, weights));
        expect(result).toMatchObject({ ok: true });
      });
    },
  );
});
