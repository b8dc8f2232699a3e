/** @file The benchmark in a person's own browser: the same measurement as `npm run bench`, on random weights in a model's true shapes. */
import { requestDevice, startWebGpu } from '../app/engine/backend';
import { tuneTile } from '../app/engine/webgpu/tune';
import { randomModel, type ShapeName, shapeNames } from './models';
import { runBench } from './report';

const form = document.querySelector('form') as HTMLFormElement;
const output = document.querySelector('output') as HTMLOutputElement;
const select = form.elements.namedItem('model') as HTMLSelectElement;
for (const name of shapeNames) select.add(new Option(name));

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const button = form.querySelector('button') as HTMLButtonElement;
  button.disabled = true;
  output.textContent = '';
  run(new FormData(form))
    .catch((error) => say(error instanceof Error ? error.message : String(error)))
    .finally(() => {
      button.disabled = false;
    });
});

function say(line: string): void {
  output.textContent += `${line}\n`;
}

async function run(data: FormData): Promise<void> {
  if (!navigator.gpu) throw new Error('This browser has no WebGPU.');
  const { device, adapter } = await requestDevice(navigator.gpu);
  await startWebGpu(device, adapter.info);
  try {
    const number = (name: string) => Number(data.get(name));
    const name = String(data.get('model')) as ShapeName;
    say('choosing how products are divided among threads');
    const { tile, timings } = await tuneTile(device);
    say('making random weights');
    const report = await runBench(
      {
        model: name,
        workload: {
          batch: number('batch'),
          length: number('length'),
          prompt: number('prompt'),
          labels: number('labels'),
        },
        steps: number('steps'),
        referenceSteps: data.has('reference') ? 3 : 0,
        profile: device.features.has('timestamp-query'),
        tile,
      },
      randomModel(name),
      { device, info: adapter.info, runtime: navigator.userAgent },
      say,
    );
    say(JSON.stringify({ ...report, timings }, null, 2));
  } finally {
    device.destroy();
  }
}
