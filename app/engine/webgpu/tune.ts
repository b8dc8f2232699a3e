/** @file Which division of a product among threads is fastest on an adapter: a few are timed once, the caller remembers the best. */
import { type MatmulTile, matmul } from './kernels/matmul';
import { COUNT_BYTES, COUNT_FIELDS } from './kernels/wgsl';
import { GpuMemory } from './memory';
import { Pipelines } from './pipelines';

const candidates: readonly MatmulTile[] = [
  { rows: 4, fours: 1, threads: [8, 8] },
  { rows: 4, fours: 2, threads: [8, 8] },
  { rows: 8, fours: 1, threads: [8, 8] },
  { rows: 8, fours: 2, threads: [8, 4] },
  { rows: 8, fours: 2, threads: [16, 8] },
];

export interface TunedTile {
  tile: MatmulTile;
  /** Of each candidate, best of its runs. */
  timings: { tile: MatmulTile; milliseconds: number }[];
}

/** Shape of the products that are timed: the rows of a usual step, the width of a small model. */
const SHAPE = { rows: 512, inner: 256, outer: 768 };

/**
 * Times the candidates on a forward and a backward product of bfloat16 weights. Takes well under a second on a GPU.
 * The device must be idle; the result holds for every device of the same adapter.
 */
export async function tuneTile(device: GPUDevice, shape = SHAPE, runs = 3): Promise<TunedTile> {
  const memory = new GpuMemory(device);
  const pipelines = Pipelines.of(device);
  try {
    const counts = memory.uniform('counts', COUNT_BYTES);
    const values = new Uint32Array(COUNT_BYTES / 4);
    values[COUNT_FIELDS.indexOf('activeEnd')] = shape.rows;
    device.queue.writeBuffer(counts, 0, values);
    const narrow = memory.storage('narrow', shape.rows * shape.inner * 4);
    const wide = memory.storage('wide', shape.rows * shape.outer * 4);
    const weight = memory.storage('weight', shape.inner * shape.outer * 2);
    const timings: TunedTile['timings'] = [];
    for (const tile of candidates) {
      const products = (['NT', 'NN'] as const).map((form) => {
        const [inner, outer] = form === 'NT' ? [shape.inner, shape.outer] : [shape.outer, shape.inner];
        const [x, y] = form === 'NT' ? [narrow, wide] : [wide, narrow];
        const { kernel, groups } = matmul(
          { form, inner, outer, weight: 'BF16', bias: null, add: null, domain: 'active' },
          tile,
        );
        const resources = [counts, x, weight, y].map((buffer) => ({ buffer }));
        return { kernel, groups: groups(shape.rows), bindGroup: pipelines.bind(kernel, resources) };
      });
      await pipelines.prepare(products.map(({ kernel }) => kernel));
      let milliseconds = Number.POSITIVE_INFINITY;
      // The first run also pays for what the driver does late.
      for (let run = 0; run <= runs; run++) {
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        for (const { kernel, groups, bindGroup } of products) {
          pass.setPipeline(pipelines.get(kernel));
          pass.setBindGroup(0, bindGroup);
          pass.dispatchWorkgroups(...groups);
        }
        pass.end();
        await device.queue.onSubmittedWorkDone();
        const start = performance.now();
        device.queue.submit([encoder.finish()]);
        await device.queue.onSubmittedWorkDone();
        if (run > 0) milliseconds = Math.min(milliseconds, performance.now() - start);
      }
      timings.push({ tile, milliseconds });
    }
    const best = timings.reduce((a, b) => (b.milliseconds < a.milliseconds ? b : a));
    return { tile: best.tile, timings };
  } finally {
    memory.destroyAll();
  }
}
