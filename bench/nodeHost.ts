/** @file The benchmark's device and words about it, in Node. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { version_core } from '@tensorflow/tfjs-core';
import { startWebGpu } from '../app/engine/backend';
import { openNodeDevice, startNodeBackend } from '../tools/node/backend';
import { type NodeProcessorOptions, nodeProcessor } from '../tools/node/processor';
import type { Host } from './adapter';
import type { ProcessorHost } from './processorReport';

/** Opens a device and makes tfjs run on it. @throws Error where WebGPU finds no adapter. */
export async function openNodeHost(): Promise<Host> {
  const { device, adapter } = await openNodeDevice();
  await startWebGpu(device, adapter.info);
  return {
    device,
    info: adapter.info,
    runtime: `Node ${process.version}, ${process.platform} ${process.arch}`,
    driver: adapter.info.vendor === 'nvidia' ? await nvidiaDriver() : null,
    versions: { node: process.versions.node, 'webgpu (Dawn)': dawnVersion() },
  };
}

/** The processor, and tfjs's own WebAssembly for comparison. */
export async function openProcessorHost(options: NodeProcessorOptions): Promise<ProcessorHost> {
  return {
    processor: await nodeProcessor(options),
    runtime: `Node ${process.version}, ${process.platform} ${process.arch}`,
    versions: { tfjs: version_core, node: process.versions.node },
    async startTfjsWasm() {
      await startNodeBackend('wasm');
      // tfjs starts threads in browsers only.
      return 1;
    },
  };
}

async function nvidiaDriver(): Promise<string | null> {
  const query = ['--query-gpu=name,driver_version', '--format=csv,noheader'];
  try {
    return `NVIDIA ${(await promisify(execFile)('nvidia-smi', query)).stdout.trim()}`;
  } catch {
    return null;
  }
}

function dawnVersion(): string {
  const entry = createRequire(import.meta.url).resolve('webgpu');
  return JSON.parse(readFileSync(join(dirname(entry), 'package.json'), 'utf8')).version;
}
