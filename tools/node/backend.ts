/** @file tfjs's backends in Node: wasm from node_modules, WebGPU through Dawn (npm `webgpu`). */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type BackendName, requestDevice, startCpu, startWebGpu } from '../../app/engine/backend';
import { isSoftware } from '../../app/engine/webgpu/adapter';
import { startTfjsWasm } from '../../bench/tfjsWasm';
import { pollGently } from './gentlePolling';

const require = createRequire(import.meta.url);

/** Devices must outlive the tensors on them; Dawn's instance too, or its callbacks never come. */
const alive: unknown[] = [];

/** Makes `name` tfjs's backend. @throws Error where WebGPU finds no adapter, naming what would help. */
export async function startNodeBackend(name: BackendName): Promise<void> {
  if (name === 'cpu') return startCpu();
  if (name === 'wasm') {
    const folder = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
    await startTfjsWasm(`${join(folder, 'wasm-out')}/`);
    return;
  }
  const { device, info } = await openNodeDevice();
  await startWebGpu(device, info);
}

/** Whether `openNodeDevice` would find an adapter. */
export async function hasNodeGpu(): Promise<boolean> {
  const { device } = await openNodeDevice().catch(() => ({ device: null }));
  device?.destroy();
  return device !== null;
}

/** A WebGPU device through Dawn, on a GPU where Vulkan finds one, else on SwiftShader where a Chromium ships it. */
export async function openNodeDevice(): Promise<Awaited<ReturnType<typeof requestDevice>>> {
  if (process.platform === 'linux') preferVulkan();
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const gpu: GPU = create([]);
  // tfjs asks `navigator.gpu` whether there is WebGPU; Node has no navigator, or one without it.
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  const opened = await requestDevice(gpu).catch(() => {
    throw new Error(
      'No WebGPU adapter in Node: a Vulkan driver was expected (a GPU, or SwiftShader, which comes with Chromium). Set VK_ICD_FILENAMES to a driver’s .json file.',
    );
  });
  alive.push(gpu, opened);
  if (isSoftware(opened.info)) pollGently();
  return opened;
}

/** Points Dawn to Chromium's Vulkan loader and software driver where the system has none of its own. */
function preferVulkan(): void {
  process.env.XDG_RUNTIME_DIR ??= '/tmp';
  const chromium = findChromiumFolder();
  if (!chromium) return;
  const hasGpu = existsSync('/dev/dri') || existsSync('/dev/nvidiactl');
  if (!hasGpu && !process.env.VK_DRIVER_FILES) {
    process.env.VK_ICD_FILENAMES ??= join(chromium, 'vk_swiftshader_icd.json');
  }
  const loader = join(chromium, 'libvulkan.so.1');
  if (!existsSync(loader)) return;
  // Dawn opens “libvulkan.so.1” by name; one that is loaded already answers to it. Node refuses the library,
  // which is no addon, but RTLD_NODELETE (0x1000) keeps it loaded.
  try {
    process.dlopen({ exports: {} }, loader, constants.dlopen.RTLD_NOW | 0x1000);
  } catch {
    // Always: “Module did not self-register”. Whether it helped shows when the adapter is asked for.
  }
}

/** The folder of a Chromium that ships SwiftShader: the system's or Playwright's. */
function findChromiumFolder(): string | null {
  const folders = process.env.CHROMIUM_PATH ? [dirname(realpathSync(process.env.CHROMIUM_PATH))] : [];
  folders.push('/usr/lib/chromium', '/usr/lib64/chromium-browser', '/opt/google/chrome');
  const playwright = process.env.PLAYWRIGHT_BROWSERS_PATH ?? join(homedir(), '.cache/ms-playwright');
  if (existsSync(playwright)) {
    for (const browser of readdirSync(playwright)) {
      for (const inner of ['chrome-linux', 'chrome-linux64', 'chrome-headless-shell-linux64']) {
        folders.push(join(playwright, browser, inner));
      }
    }
  }
  return folders.find((folder) => existsSync(join(folder, 'vk_swiftshader_icd.json'))) ?? null;
}
