/** @file The golden cases, and what either engine has to show for a part of them. */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BackendName } from '../../app/engine/backend';
import { createReferenceEngine } from '../../app/engine/reference/referenceEngine';
import { createWasmEngine } from '../../app/engine/wasm/wasmEngine';
import { createWebGpuEngine } from '../../app/engine/webgpu/webgpuEngine';
import { streamOf } from '../../app/engine/weightStream';
import type { Network } from '../../app/model/load';
import { findCases, type GoldenCase, runCase } from '../../tools/golden/case';
import { expectedGeneration, generateGreedily } from '../../tools/golden/generation';
import { hasNodeGpu, startNodeBackend } from '../../tools/node/backend';
import { type NodeProcessorOptions, nodeProcessor } from '../../tools/node/processor';

export const goldenFolder = fileURLToPath(new URL('../golden', import.meta.url));
export const cases = findCases(goldenFolder);
const gpu = await hasNodeGpu();
const noGpu = 'no Vulkan, Metal or Direct3D driver for Node here';

/** One half of the models: of two files, each may have a core. */
export function isGemmaOrGpt(folder: string): boolean {
  return /^(gemma|gpt)/.test(basename(folder));
}

/** The cases of the folders that are `wanted`, and greedy generation with their models, on the fused engine. */
export function fusedEqualsPyTorch(wanted: (folder: string) => boolean): void {
  const chosen = cases.filter(({ folder }) => wanted(folder));
  const models = [...new Set(chosen.map(({ folder }) => folder))].map((path) => [basename(path), path]);

  describe.skipIf(!gpu)(gpu ? 'the fused engine equals PyTorch' : noGpu, () => {
    beforeAll(() => startNodeBackend('webgpu'));

    it.each(chosen)('in $name', async (golden) => {
      expect(await runCase(golden, createEngine)).toMatchObject({ ok: true });
    });

    // Here and not in a file of its own, so that the kernels compiled for the cases serve again.
    it.each(models)('and generates what transformers does, in %s', async (_, model) => {
      const { bare, prompted } = expectedGeneration(model);
      expect(await generateGreedily(model, createEngine)).toEqual({ bare, prompted });
    });
  });
}

function createEngine({ spec, weights }: Network) {
  const { device } = tf.backend() as unknown as WebGPUBackend;
  return createWebGpuEngine(spec, streamOf(weights), device);
}

/** `chosen` cases on the reference engine with one of tfjs's backends. */
export function referenceEqualsPyTorch(backend: BackendName, chosen: readonly GoldenCase[]): void {
  const missing = backend === 'webgpu' && !gpu;
  describe.skipIf(missing)(`the reference engine on ${backend} ${missing ? noGpu : 'equals PyTorch'}`, () => {
    beforeAll(() => startNodeBackend(backend));

    it.each(chosen)('in $name', async (golden) => {
      const result = await runCase(golden, ({ spec, weights }) =>
        createReferenceEngine(spec, streamOf(weights)),
      );
      expect(result).toMatchObject({ ok: true });
    });
  });
}

/** All cases, and greedy generation with their models, on the processor's engine. */
export function wasmEqualsPyTorch(options: NodeProcessorOptions): void {
  const models = [...new Set(cases.map(({ folder }) => folder))].map((path) => [basename(path), path]);
  const create = async ({ spec, weights }: Network) =>
    createWasmEngine(spec, streamOf(weights), await nodeProcessor(options));

  describe(`the processor’s engine on ${options.threads} threads with ${options.simd} SIMD equals PyTorch`, () => {
    beforeAll(() => startNodeBackend('cpu'));

    it.each(cases)('in $name', async (golden) => {
      expect(await runCase(golden, create)).toMatchObject({ ok: true });
    });

    it.each(models)('and generates what transformers does, in %s', async (_, model) => {
      const { bare, prompted } = expectedGeneration(model);
      expect(await generateGreedily(model, create)).toEqual({ bare, prompted });
    });
  });
}
