/**
 * @file `npm run bench -- [--model embedded|gpt2|smollm2-135m|qwen2.5-0.5b] [--batch B --length T --prompt p --labels n]
 * [--steps N] [--reference-steps N] [--profile] [--tune] [--json FILE|-]`: times the fused engine against plain tfjs on one adapter.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startWebGpu } from '../app/engine/backend';
import { tuneTile } from '../app/engine/webgpu/tune';
import { loadNetwork } from '../app/model/load';
import { folderSource } from '../tools/golden/folderSource';
import { openNodeDevice } from '../tools/node/backend';
import { randomModel, shapeNames } from './models';
import { runBench } from './report';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'embedded' },
    batch: { type: 'string', default: '16' },
    length: { type: 'string', default: '32' },
    prompt: { type: 'string', default: '20' },
    labels: { type: 'string', default: '4' },
    steps: { type: 'string', default: '10' },
    'reference-steps': { type: 'string', default: '3' },
    profile: { type: 'boolean', default: false },
    tune: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
process.exitCode = await main();

async function main(): Promise<number> {
  const shape = shapeNames.find((name) => name === values.model);
  const numbers = [values.batch, values.length, values.prompt, values.labels, values.steps].map(Number);
  const referenceSteps = Number(values['reference-steps']);
  const whole = [...numbers, referenceSteps + 1].every((n) => Number.isInteger(n) && n > 0);
  if (!whole || (!shape && values.model !== 'embedded')) {
    console.error(
      `usage: npm run bench -- [--model embedded|${shapeNames.join('|')}] [--batch B] [--length T] [--prompt p] [--labels n] [--steps N] [--reference-steps N] [--profile] [--tune] [--json FILE|-]`,
    );
    return 2;
  }
  const [batch, length, prompt, labels, steps] = numbers;
  const network = shape
    ? randomModel(shape)
    : await loadNetwork(folderSource(join(import.meta.dirname, '../public/models/studio-2.6m')));
  const { device, adapter } = await openNodeDevice();
  await startWebGpu(device, adapter.info);
  const report = await runBench(
    {
      model: values.model,
      workload: { batch, length, prompt, labels },
      steps,
      referenceSteps,
      profile: values.profile,
      tile: values.tune ? (await tuneTile(device)).tile : undefined,
    },
    network,
    { device, info: adapter.info, runtime: `Node ${process.version}, Dawn` },
    (line) => console.error(line),
  );
  const text = JSON.stringify(report, null, 2);
  if (values.json && values.json !== '-') writeFileSync(values.json, `${text}\n`);
  else console.log(text);
  return 0;
}
