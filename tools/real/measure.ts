/**
 * @file `npm run real -- measure [ID…] [--json FILE]`: what holding a quantised model's weights as they are stored costs and saves on the
 * processor: bytes a parameter, the loss beside that of the same weights widened to float32, and steps beside those of bfloat16 weights, made in
 * turns. One thread computes, and what counts is the processor's time, so that what else the machine does says little. A JSON line a
 * model; with --json, all of them into a file.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { createWasmEngine, type WasmEngine } from '../../app/engine/wasm/wasmEngine';
import { filesSource } from '../../app/model/filesSource';
import { openModel } from '../../app/model/load';
import { makeBatch, promptTokens, type Workload } from '../../bench/workload';
import { readCase } from '../golden/case';
import { startNodeBackend } from '../node/backend';
import { nodeProcessor } from '../node/processor';
import { filesAt } from '../read/files';
import models from './models.json';

const WARMUP = 1;
const THREADS = 1;
/** A few rows, where widening weighs most, and a usual step. */
const WORKLOADS: Workload[] = [
  { batch: 1, length: 16, prompt: 8, labels: 4 },
  { batch: 4, length: 64, prompt: 20, labels: 4 },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, steps: { type: 'string', default: '5' } },
});
const [home, ...wanted] = positionals;
const steps = Number(values.steps);

interface Loaded {
  engine: WasmEngine;
  report: { types: string; weightBytes: number; bytesPerParameter: number; loadMilliseconds: number };
}

async function load(path: string): Promise<Loaded> {
  const source = await filesSource(await filesAt(path));
  const model = await openModel(source, { id: path });
  const begun = performance.now();
  const processor = await nodeProcessor({ threads: THREADS });
  const engine = await createWasmEngine(model.spec, model.weights, processor);
  const loadMilliseconds = Math.round(performance.now() - begun);
  await source.close();
  const { weightBytes } = engine.usage();
  const bytesPerParameter = Number((weightBytes / model.parameters).toFixed(3));
  return { engine, report: { types: model.dtype, weightBytes, bytesPerParameter, loadMilliseconds } };
}

/** The loss of the bare model's own case (test/golden/README.md), in nats. */
async function lossOf(engine: WasmEngine, folder: string): Promise<number> {
  const { prompt, batch } = readCase({ name: '', folder, kind: 'prompt' });
  const vectors = tf.tensor2d(prompt.values, [prompt.shape[0], prompt.shape[1]]);
  const loss = engine.loss([{ kind: 'prompt', vectors }], batch);
  const [nats] = await loss.data();
  tf.dispose([vectors, loss]);
  return nats;
}

/** Milliseconds of the processor's time for one step. */
async function step(engine: WasmEngine, workload: Workload): Promise<number> {
  const { vocabSize } = engine.spec;
  const vectors = tf.variable(engine.embed(promptTokens(vocabSize, workload))) as tf.Variable<tf.Rank.R2>;
  const batch = makeBatch(vocabSize, workload);
  const begun = process.cpuUsage();
  const { value, grads } = tf.variableGrads(
    () => tf.sum(engine.loss([{ kind: 'prompt', vectors }], batch)) as tf.Scalar,
    [vectors],
  );
  await value.data();
  const { user, system } = process.cpuUsage(begun);
  tf.dispose([value, grads, vectors]);
  return (user + system) / 1000;
}

const median = (times: number[]) => Math.round([...times].sort((a, b) => a - b)[times.length >> 1] * 10) / 10;

/** Steps of both engines in turns; the ratio is the median of the pairs'. */
async function race(stored: WasmEngine, half: WasmEngine, workload: Workload) {
  const times = { stored: [] as number[], half: [] as number[] };
  for (let i = -WARMUP; i < steps; i++) {
    const pair = { stored: await step(stored, workload), half: await step(half, workload) };
    if (i < 0) continue;
    times.stored.push(pair.stored);
    times.half.push(pair.half);
  }
  const ratios = times.stored.map((time, i) => time / times.half[i]);
  return {
    ...workload,
    steps,
    stored: median(times.stored),
    bf16: median(times.half),
    ratio: Number([...ratios].sort((a, b) => a - b)[ratios.length >> 1].toFixed(3)),
  };
}

await startNodeBackend('cpu');
const reports: object[] = [];
for (const { id, gguf } of models.filter((model) => wanted.length === 0 || wanted.includes(model.id))) {
  const [single, half] = ['f32', 'bf16'].map((type) => join(home, `${id}-${type}`));
  if (!existsSync(join(single, 'case.json'))) {
    console.log(JSON.stringify({ model: id, skipped: 'It is not there: npm run real -- fetch brings it.' }));
    continue;
  }
  const wide = await load(single);
  const wideLoss = await lossOf(wide.engine, single);
  wide.engine.dispose();
  const stored = await load(join(home, 'gguf', gguf));
  const storedLoss = await lossOf(stored.engine, single);
  const bf16 = await load(half);
  const bf16Loss = await lossOf(bf16.engine, single);
  const cpuMilliseconds: object[] = [];
  for (const workload of WORKLOADS) cpuMilliseconds.push(await race(stored.engine, bf16.engine, workload));
  const report = {
    model: id,
    date: new Date().toISOString(),
    runtime: `Node ${process.versions.node}`,
    threads: THREADS,
    stored: { ...stored.report, loss: storedLoss },
    bf16: { ...bf16.report, loss: bf16Loss },
    f32: { ...wide.report, loss: wideLoss },
    lossDifference: { storedToF32: storedLoss - wideLoss, bf16ToF32: bf16Loss - wideLoss },
    cpuMilliseconds,
  };
  stored.engine.dispose();
  bf16.engine.dispose();
  console.log(JSON.stringify(report));
  reports.push(report);
}
if (values.json) writeFileSync(values.json, `${JSON.stringify(reports, null, 2)}\n`);
