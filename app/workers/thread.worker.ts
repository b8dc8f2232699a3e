/** @file One more thread of the processor: works where the first tells it to, until it is ended. */
import type { ThreadStart } from '../engine/wasm/pool';

self.addEventListener('message', ({ data }: MessageEvent<ThreadStart>) => {
  const { module, memory, control, thread } = data;
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  self.postMessage('started');
  (exports.serve as (control: number, thread: number) => void)(control, thread);
  self.close();
});
