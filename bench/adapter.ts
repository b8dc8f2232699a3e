/** @file What a benchmark ran on, in words that can be compared later. */
import { version_core as tfjsVersion } from '@tensorflow/tfjs-core';
import { isSoftware } from '../app/engine/webgpu/adapter';

export interface AdapterReport {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  /** Drawn by the processor: speeds say nothing about a GPU. */
  software: boolean;
}

/** What the caller knows of the place it runs in. */
export interface Host {
  device: GPUDevice;
  info: GPUAdapterInfo;
  /** `Node v24.1.0, linux x64`, or the browser's own words. */
  runtime: string;
  /** Of the driver, where the runtime can tell; WebGPU itself says at most a description. */
  driver: string | null;
  /** Versions beside tfjs's. */
  versions: Record<string, string>;
}

export function describeAdapter(info: GPUAdapterInfo): AdapterReport {
  const { vendor, architecture, device, description } = info;
  return { vendor, architecture, device, description, software: isSoftware(info) };
}

export function describeVersions(host: Host): Record<string, string> {
  return { tfjs: tfjsVersion, ...host.versions };
}
