/** @file A graphics driver that computes wrong numbers: the worker finds out, says so, and computes otherwise. */
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

/** A platform whose driver compiles kernels of that name from code that has been changed. */
function spoilt(kernel: RegExp, change: (code: string) => string): Platform & { changed: string[] } {
  const changed: string[] = [];
  return {
    ...nodePlatform,
    changed,
    startDevice: async (force?: Backend) => {
      const report = await nodePlatform.startDevice(force);
      const device = presentDevice() as GPUDevice;
      const create = device.createShaderModule.bind(device);
      const value = (descriptor: GPUShaderModuleDescriptor) => {
        const { label = '', code } = descriptor;
        if (!kernel.test(label)) return create(descriptor);
        const other = change(code);
        if (other !== code) changed.push(label);
        return create({ ...descriptor, code: other });
      };
      Object.defineProperty(device, 'createShaderModule', { value });
      return report;
    },
  };
}

describe.skipIf(!gpu)('a driver that computes wrong numbers', { timeout: 900_000 }, () => {
  it('is named with what was compared, and the reference answers instead', async () => {
    // A hundredth too much, in one kernel of many.
    const platform = spoilt(/^norm \d+$/, (code) =>
      code.replace('y[base + i] = value;', 'y[base + i] = value * 1.01;'),
    );
    const events: StudioEvent[] = [];
    const studio = new StudioService(platform);
    await studio.open(base, (event) => events.push(event), 'webgpu');
    const { engine } = await studio.loadModel(origin);
    expect(platform.changed.length).toBeGreaterThan(0);
    expect(engine.name).toBe('reference');
    expect(engine.problem?.message).toMatch(/driver computes wrong numbers.*slower, simpler one/);
    expect(engine.problem?.details).toMatch(/logits: differs by .* WRONG/);

    // The very same device is not tried twice with such a model.
    const compiled = platform.changed.length;
    await studio.loadModel(origin);
    expect(platform.changed).toHaveLength(compiled);

    const question = { input: 'nice', hardPrompt: '', columns: ['without' as const] };
    await studio.generate(1, { ...question, sampling: { maxTokens: 2, temperature: 0 } });
    expect(events.findLast((event) => event.type === 'generated')).toMatchObject({ requestId: 1 });
  });
});
