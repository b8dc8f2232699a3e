/** @file Both engines against PyTorch's numbers: the golden cases on every backend. */
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BackendName } from '../../app/engine/backend';
import { createReferenceEngine } from '../../app/engine/reference/referenceEngine';
import { createWebGpuEngine } from '../../app/engine/webgpu/webgpuEngine';
import { streamOf } from '../../app/engine/weightStream';
import { findCases, type GoldenCase, runCase } from '../../tools/golden/case';
import { expectedGeneration, generateGreedily } from '../../tools/golden/generation';
import { hasNodeGpu, startNodeBackend } from '../../tools/node/backend';

const folder = fileURLToPath(new URL('../golden', import.meta.url));
const cases = findCases(folder);
const models = [...new Set(cases.map((each) => each.folder))].map((path) => [basename(path), path]);
const backends: BackendName[] = ['cpu', 'wasm', 'webgpu'];

it('knows every case of the folder', () => {
  expect(chosen.cpu).toHaveLength(2);
  expect(chosen.webgpu).toHaveLength(1);
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(new Set(cases.map(({ folder }) => folder)).size).toBe(folders.length);
  expect(folders).toHaveLength(18);
});

const gpu = await hasNodeGpu();
const noGpu = 'no Vulkan, Metal or Direct3D driver for Node here';

describe.skipIf(!gpu)(gpu ? 'the fused engine equals PyTorch' : noGpu, () => {
  beforeAll(() => startNodeBackend('webgpu'));

  it.each(cases)('in $name', async (golden) => {
    const { device } = tf.backend() as unknown as WebGPUBackend;
    const result = await runCase(golden, ({ spec, weights }) =>
      createWebGpuEngine(spec, streamOf(weights), device),
    );
    expect(result).toMatchObject({ ok: true });
  });

  // Here and not in a file of its own, so that the kernels compiled for the cases serve again.
  it.each(models)('and generates what transformers does, in %s', async (_, model) => {
    const { device } = tf.backend() as unknown as WebGPUBackend;
    const { bare, prompted } = expectedGeneration(model);
    const found = await generateGreedily(model, ({ spec, weights }) =>
      createWebGpuEngine(spec, streamOf(weights), device),
    );
    expect(found).toEqual({ bare, prompted });
  });
});

/** Every case goes through wasm; the slower backends take those of which the others are variations. `npm run golden` runs any. */
const chosen: Record<BackendName, GoldenCase[]> = {
  wasm: cases,
  cpu: cases.filter(({ name }) => ['llama-bf16-gqa-tied', 'gpt2-f32'].includes(name)),
  webgpu: cases.filter(({ name }) => name === 'gpt2-f32'),
};

describe.each(backends)('the reference engine on %s', (backend) => {
  const missing = backend === 'webgpu' && !gpu;
  describe.skipIf(missing)(
    missing ? 'no Vulkan, Metal or Direct3D driver for Node here' : 'equals PyTorch',
    () => {
      beforeAll(() => startNodeBackend(backend));

      it.each(chosen[backend])('in $name', async (golden) => {
        const result = await runCase(golden, ({ spec, weights }) =>
          createReferenceEngine(spec, streamOf(weights)),
        );
        expect(result).toMatchObject({ ok: true });
      });
    },
  );
});
