/** @file What it trains on, in one line: "Apple M3 · WebGPU" or "CPU · wasm, 2 threads". */
import type { DeviceReport } from '../../workers/protocol';

export function deviceLine(report: DeviceReport): string {
  if (report.backend === 'webgpu') {
    return `${report.name || 'GPU'} · WebGPU${report.software ? ' in software' : ''}`;
  }
  if (report.backend === 'cpu') return 'CPU · JavaScript';
  return `CPU · wasm, ${report.threads} ${report.threads === 1 ? 'thread' : 'threads'}`;
}
