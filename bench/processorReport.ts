/** @file What a benchmark of the processor's engine measures and reports, the same from Node and from a page. */
import { startProcessor } from '../app/engine/backend';
import { createReferenceEngine } from '../app/engine/reference/referenceEngine';
import type { StoredType } from '../app/engine/spec';
import { OpList } from '../app/engine/wasm/ops';
import { Pool, type Processor, type SimdLevel } from '../app/engine/wasm/pool';
import type { StepProfile } from '../app/engine/wasm/profile';
import { scratchBytes } from '../app/engine/wasm/scratch';
import { createWasmEngine } from '../app/engine/wasm/wasmEngine';
import { storedBytes } from '../app/engine/weightStream';
import { type LaneTimes, timeLanes } from './lanes';
import { type StepTimes, spread, timeSteps } from './measure';
import type { BenchModel } from './models';
import { type Product, stepWork } from './products';
import type { BenchSettings, Progress } from './report';
import { makeBatch, promptTokens, type Workload } from './workload';

/** What the caller knows of the place it runs in. */
export interface ProcessorHost {
  processor: Processor;
  /** `Node v24.1.0, linux x64`, or the browser's own words. */
  runtime: string;
  versions: Record<string, string>;
  /** Makes tfjs's own WebAssembly its backend, on which the reference is timed. @returns its threads */
  startTfjsWasm(): Promise<number>;
}

export interface ProcessorReport {
  engine: 'wasm';
  model: string;
  workload: Workload;
  date: string;
  threads: number;
  simd: SimdLevel;
  runtime: string;
  versions: Record<string, string>;
  /** Milliseconds until the weights are in place. */
  createMilliseconds: number;
  wasm: StepTimes;
  /** Plain tfjs on its own WebAssembly: padded batch, autodiff; null where it was left out. */
  reference: StepTimes | null;
  referenceThreads: number | null;
  /** How many times faster than plain tfjs, by medians. */
  ratio: number | null;
  lossDifference: number | null;
  /** Rows of a step, the prompt's counted once. */
  rows: number;
  rowsPerSecond: number;
  textTokensPerSecond: number;
  /** The products with weights of a step, forward and backward. */
  gflop: number;
  gflopPerSecond: number;
  /** The same products with nothing between them. */
  matmul: { milliseconds: number; gflopPerSecond: number; shareReached: number };
  /** In bytes; `memory` is all of WebAssembly's. */
  allocated: { weights: number; step: number; memory: number };
  saving: string | null;
  /** Null where that was left out. */
  lanes: LaneTimes | null;
  /** Where a step's time goes; null where that was not asked for. */
  profile: StepProfile | null;
}

/** Milliseconds. Until then the browser compiles kernels anew, as well as it can, on the cores that the steps take. */
const WARMUP = 4000;
/** Milliseconds between words about steps. */
const SILENCE = 1500;
/** Milliseconds, and runs that count after them, of the products alone. */
const PRODUCTS_WARMUP = 1500;
const PRODUCT_RUNS = 9;

/** Runs everything. @throws what the engines throw */
export async function runProcessorBench(
  settings: Pick<
    BenchSettings,
    'model' | 'workload' | 'steps' | 'lanes' | 'referenceSteps' | 'patience' | 'profile'
  >,
  { spec, weights }: BenchModel,
  host: ProcessorHost,
  onProgress: (progress: Progress) => void,
): Promise<ProcessorReport> {
  const { workload } = settings;
  const { processor } = host;
  const say = (text: string, done = 0, of = 0) => onProgress({ text, done, of });
  // Not every step is told: a page that draws words takes the cores that the next step is timed on.
  let told = Number.NEGATIVE_INFINITY;
  const words = (name: string) => (done: number, of: number, milliseconds: number) => {
    if (performance.now() - told < SILENCE && done < of) return;
    told = performance.now();
    say(`${name}, step ${done} of ${of}: ${milliseconds.toFixed(1)} ms`, done, of);
  };

  await startProcessor(processor);
  say('placing weights');
  const start = performance.now();
  const engine = await createWasmEngine(spec, weights, processor);
  const createMilliseconds = performance.now() - start;
  const times = await timeSteps(engine, workload, {
    warmup: 4,
    warmupMilliseconds: WARMUP,
    steps: settings.steps,
    onStep: words('processor’s engine'),
  });
  const { lanes: count } = settings;
  const lanes =
    count > 0 ? await timeLanes(engine, workload, count, settings.steps, words(`${count} prompts`)) : null;
  let profile: StepProfile | null = null;
  if (settings.profile) {
    say('timing its kernels one by one');
    const vectors = engine.embed(promptTokens(spec.vocabSize, workload));
    profile = engine.profile([{ kind: 'prompt', vectors }], makeBatch(spec.vocabSize, workload));
    vectors.dispose();
  }
  const usage = engine.usage();
  engine.dispose();

  const work = stepWork(spec, workload);
  say('timing its products alone');
  const stored = weights.shapes.get('embed.tokens')?.dtype ?? 'F32';
  const products = await timeProducts(processor, work.products, stored);

  let reference: StepTimes | null = null;
  let referenceThreads: number | null = null;
  if (settings.referenceSteps > 0) {
    say('plain tfjs, first step');
    referenceThreads = await host.startTfjsWasm();
    const plain = await createReferenceEngine(spec, weights);
    reference = await timeSteps(plain, workload, {
      warmup: 1,
      steps: settings.referenceSteps,
      patience: settings.patience,
      onStep: words('plain tfjs'),
    });
    plain.dispose();
  }

  const seconds = times.milliseconds.median / 1000;
  const gflop = work.flop / 1e9;
  const matmulSpeed = (gflop / products) * 1000;
  return {
    engine: 'wasm',
    model: settings.model,
    workload,
    date: new Date().toISOString(),
    threads: usage.threads,
    simd: processor.simd,
    runtime: host.runtime,
    versions: host.versions,
    createMilliseconds,
    wasm: times,
    reference,
    referenceThreads,
    ratio: reference && reference.milliseconds.median / times.milliseconds.median,
    lossDifference: reference && Math.abs(reference.loss - times.loss),
    rows: work.rows,
    rowsPerSecond: work.rows / seconds,
    textTokensPerSecond: (workload.batch * workload.length) / seconds,
    gflop,
    gflopPerSecond: gflop / seconds,
    matmul: {
      milliseconds: products,
      gflopPerSecond: matmulSpeed,
      shareReached: gflop / seconds / matmulSpeed,
    },
    allocated: { weights: usage.weightBytes, step: usage.planBytes, memory: usage.memoryBytes },
    saving: usage.saving,
    lanes,
    profile,
  };
}

/** Milliseconds of a step's products alone, one after the other; layers share a weight here. The median of some runs. */
async function timeProducts(
  processor: Processor,
  products: readonly Product[],
  type: StoredType,
): Promise<number> {
  const pool = new Pool(processor);
  try {
    await pool.started();
    const most = (size: (product: Product) => number) => Math.max(...products.map(size));
    const x = pool.heap.allocate(4 * most(({ rows, inner }) => rows * inner));
    const y = pool.heap.allocate(4 * most(({ rows, outer }) => rows * outer));
    const weightBytes = most(({ form, inner, outer }) =>
      storedBytes({ dtype: type, shape: form === 'NT' ? [outer, inner] : [inner, outer] }),
    );
    const w = pool.heap.allocate(weightBytes);
    const each = scratchBytes(8, 8, false);
    const scratch = { scratch: pool.heap.allocate(pool.threads * each), scratchBytes: each };
    // Ordinary numbers: subnormal ones would take longer.
    pool.heap.floats.fill(0.5, x / 4, y / 4);
    pool.heap.bytes.fill(0x3c, w, w + weightBytes);
    const times: number[] = [];
    const begun = performance.now();
    while (times.length < PRODUCT_RUNS) {
      const list = new OpList(pool.threads);
      for (const { form, rows, inner, outer, times } of products) {
        // A weight is [out, in]: what is multiplied by it is as wide as its columns, or its rows.
        const shape = form === 'NT' ? { rows: outer, columns: inner } : { rows: inner, columns: outer };
        for (let i = 0; i < times; i++) {
          list.matmul({
            form,
            rows,
            weight: { at: w, type, ...shape },
            a: { at: x, stride: inner },
            c: { at: y, stride: outer },
          });
        }
      }
      const start = performance.now();
      pool.run(list, scratch);
      if (start - begun >= PRODUCTS_WARMUP) times.push(performance.now() - start);
    }
    return spread(times).median;
  } finally {
    pool.dispose();
  }
}
