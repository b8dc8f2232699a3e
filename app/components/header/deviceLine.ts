/** @file What it trains on, in one line: "Apple M3 · WebGPU" or "Processor · 2 threads · relaxed SIMD". */
import type { DeviceReport } from '../../workers/protocol';

export function deviceLine({ backend, name, software, threads, simd }: DeviceReport): string {
  if (backend === 'webgpu') return `${name || 'GPU'} · WebGPU${software ? ' in software' : ''}`;
  if (backend === 'cpu') return 'Processor · JavaScript, no SIMD';
  const how = simd === 'relaxed' ? 'relaxed SIMD' : 'plain SIMD';
  return `Processor · ${threads} ${threads === 1 ? 'thread' : 'threads'} · ${how}`;
}
