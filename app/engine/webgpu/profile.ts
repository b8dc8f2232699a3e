/** @file Where the time of a step goes on the GPU, kernel by kernel, by timestamps around each dispatch. */
import type { Counts } from '../layout';
import type { Plan } from './plan/plan';
import { Readback } from './steps';

export interface KernelTime {
  label: string;
  milliseconds: number;
  dispatches: number;
}

type Encode = (encoder: GPUCommandEncoder) => void;

/** `submit` runs a step whose dispatches `encode` records, then `copyOut`. */
export async function profileStep(
  device: GPUDevice,
  plan: Plan,
  counts: Counts,
  submit: (encode: Encode, copyOut: Encode) => Promise<void>,
): Promise<KernelTime[]> {
  if (!device.features.has('timestamp-query')) {
    throw new Error('This device cannot time kernels: it lacks “timestamp-query”.');
  }
  const count = 2 * plan.dispatches;
  const querySet = device.createQuerySet({ type: 'timestamp', count });
  const resolved = device.createBuffer({
    size: count * 8,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  });
  const readback = new Readback(device, count * 8);
  const labels: string[] = [];
  const timing = (label: string): GPUComputePassTimestampWrites => {
    const index = 2 * labels.length;
    labels.push(label);
    return { querySet, beginningOfPassWriteIndex: index, endOfPassWriteIndex: index + 1 };
  };
  const accepted = submit(
    (encoder) => {
      for (const list of [plan.forward, ...plan.chunks, plan.backward]) {
        list.encodeTimed(encoder, counts, timing);
      }
    },
    (encoder) => {
      encoder.resolveQuerySet(querySet, 0, 2 * labels.length, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, readback.buffer, 0, count * 8);
    },
  );
  const times = new BigUint64Array(await readback.read(accepted));
  querySet.destroy();
  resolved.destroy();
  const sums = new Map<string, KernelTime>();
  labels.forEach((label, i) => {
    const entry = sums.get(label) ?? { label, milliseconds: 0, dispatches: 0 };
    entry.milliseconds += Number(times[2 * i + 1] - times[2 * i]) / 1e6;
    entry.dispatches++;
    sums.set(label, entry);
  });
  return [...sums.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}
