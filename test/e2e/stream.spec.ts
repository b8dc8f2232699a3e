/** @file A large model from a Hub to a GPU, in a real browser: the page never holds more than a few pieces of it. */
import type { ModelSize } from '../hub/model';
import { back, expect, load, MIB, publish, test } from './hubPage';
import { WorkerHeap } from './workerHeap';

const weights = 'model.safetensors';

/** Of the streamed model. A quarter of a gigabyte shows a heap that grows with it as well as a whole one does, and sooner: `GIGABYTE=1` takes that. */
const streamed: ModelSize = { vocab: 4096, hidden: 2048, layers: process.env.GIGABYTE ? 8 : 2, mlp: 8192 };

test('a large model streams to the GPU while the worker’s heap grows by less than 64 MiB', async ({
  studio,
  hub,
  page,
}, info) => {
  test.setTimeout(600_000);
  const id = 'someone/large-llama';
  const files = publish(hub, id, streamed);
  const size = files.get(weights)?.size ?? 0;
  expect(size).toBeGreaterThan(process.env.GIGABYTE ? 1e9 : 2.5e8);
  const heap = await WorkerHeap.attach(page);
  for (const visit of ['download', 'from this machine']) {
    const before = await heap.settled();
    heap.watch();
    await load(studio, id);
    const { peak, samples } = await heap.stop();
    const growth = (peak - before) / MIB;
    info.annotations.push({
      type: 'heap',
      description: `${visit}: ${(size / MIB).toFixed(0)} MiB of weights, heap ${(before / MIB).toFixed(1)} MiB before, at most ${growth.toFixed(1)} MiB more (${samples} samples)`,
    });
    console.log(info.annotations.at(-1)?.description);
    expect(samples).toBeGreaterThan(20);
    expect(growth).toBeLessThan(64);
    await back(studio);
  }
});
