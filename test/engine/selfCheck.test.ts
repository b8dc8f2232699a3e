/** @file Graphics drivers that compute wrong numbers, or nothing: the worker finds out, says so, and computes otherwise. */
import { describe, expect, it } from 'vitest';
import { presentDevice } from '../../app/engine/backend';
import type { Platform } from '../../app/workers/platform';
import type { Backend, StudioEvent } from '../../app/workers/protocol';
import { StudioService } from '../../app/workers/studio';
import { hasNodeGpu } from '../../tools/node/backend';
import { nodePlatform } from '../../tools/node/platform';

const gpu = await hasNodeGpu();
if (!gpu) console.warn('Skipped: no WebGPU adapter on this machine.');

const base = new URL('../../public/', import.meta.url).href;
const origin = {
  kind: 'url',
  url: new URL('models/studio-2.6m/', base).href,
  id: 'studio-2.6m',
} as const;

/** A platform whose GPU devices are changed before they are used. */
function onDevice(change: (device: GPUDevice) => void): Platform {
  return {
    ...nodePlatform,
    startDevice: async (force?: Backend) => {
      const report = await nodePlatform.startDevice(force);
      const device = presentDevice();
      if (device) change(device);
      return report;
    },
  };
}

/** A platform whose driver compiles kernels of that name from code that has been changed. */
function spoilt(kernel: RegExp, change: (code: string) => string): Platform & { changed: string[] } {
  const changed: string[] = [];
  const platform = onDevice((device) => {
    const create = device.createShaderModule.bind(device);
    const value = (descriptor: GPUShaderModuleDescriptor) => {
      const { label = '', code } = descriptor;
      if (!kernel.test(label)) return create(descriptor);
      const other = change(code);
      if (other !== code) changed.push(label);
      return create({ ...descriptor, code: other });
    };
    Object.defineProperty(device, 'createShaderModule', { value });
  });
  return { ...platform, changed };
}

async function open(platform: Platform) {
  const events: StudioEvent[] = [];
  const studio = new StudioService(platform);
  await studio.open(base, (event) => events.push(event), 'webgpu');
  const report = await studio.loadModel(origin);
  return { studio, events, report };
}

/** That the model answers, whatever it runs on. */
async function expectAnswer(studio: StudioService, events: StudioEvent[]): Promise<void> {
  const question = { input: 'nice', hardPrompt: '', columns: ['without' as const] };
  await studio.generate(1, { ...question, sampling: { maxTokens: 2, temperature: 0 } });
  expect(events.findLast((event) => event.type === 'generated')).toMatchObject({ requestId: 1 });
}

describe.skipIf(!gpu)('a graphics driver', { timeout: 900_000 }, () => {
  it('that computes wrong numbers is named with what was compared, and the processor answers instead', async () => {
    // A hundredth too much, in one kernel of many.
    const platform = spoilt(/^norm \d+$/, (code) =>
      code.replace('y[base + i] = value;', 'y[base + i] = value * 1.01;'),
    );
    const { studio, events, report } = await open(platform);
    expect(platform.changed.length).toBeGreaterThan(0);
    const { name, problem } = report.engine;
    expect(name).toBe('wasm');
    expect(problem?.message).toMatch(/driver computes wrong numbers.*the processor is used/);
    expect(problem?.details).toMatch(/logits: differs by .* WRONG/);
    expect(events.find((event) => event.type === 'deviceChanged')).toMatchObject({
      device: { backend: 'wasm', reason: problem?.message },
    });
    await expectAnswer(studio, events);

    // The very same adapter is not tried twice with such a model.
    const compiled = platform.changed.length;
    const again = await open(platform);
    expect(again.report.engine).toEqual(report.engine);
    expect(platform.changed).toHaveLength(compiled);
  });

  it('that compiles nothing gives way to the processor, in words, and nothing is held against it', async () => {
    let attempts = 0;
    const platform = onDevice((device) => {
      const value = async () => {
        attempts++;
        throw new Error('the compiler is out of order');
      };
      Object.defineProperty(device, 'createComputePipelineAsync', { value });
    });
    // A kind of model that is not known yet.
    const events: StudioEvent[] = [];
    const studio = new StudioService(platform);
    await studio.open(base, (event) => events.push(event), 'webgpu');
    const { engine, weightFormat } = await studio.loadModel(origin, 'int8');
    expect(attempts).toBeGreaterThan(0);
    expect([engine.name, weightFormat]).toEqual(['wasm', 'stored']);
    expect(engine.problem?.message).toMatch(/does not run on this graphics driver, so the processor is used/);
    expect(engine.problem?.details).toContain('the compiler is out of order');
    expect(events.find((event) => event.type === 'deviceChanged')).toMatchObject({
      device: { backend: 'wasm', reason: expect.stringContaining('does not run on this graphics driver') },
    });
    await expectAnswer(studio, events);
  });

  it('of a browser that says nothing of a device’s adapter is used all the same', async () => {
    const platform = onDevice((device) => {
      Object.defineProperty(device, 'adapterInfo', { value: undefined });
    });
    const events: StudioEvent[] = [];
    const studio = new StudioService(platform);
    await studio.open(base, (event) => events.push(event), 'webgpu');
    expect((await studio.loadModel(origin, 'int8')).engine).toEqual({ name: 'webgpu', problem: null });
    await expectAnswer(studio, events);
  });
});
