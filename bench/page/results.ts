/** @file A report in words: what the page's table shows. */
import type { ProcessorReport } from '../processorReport';
import type { BenchReport } from '../report';

export interface ResultRow {
  name: string;
  value: string;
  /** What it means, where the name does not say. */
  note?: string;
}

export function resultRows(report: BenchReport | ProcessorReport): ResultRow[] {
  if ('engine' in report) return processorRows(report);
  const { webgpu, reference, matmul, submit, allocated } = report;
  const rows: ResultRow[] = [
    {
      name: 'A step',
      value: milliseconds(webgpu.milliseconds.median),
      note: `loss and gradient on the host; ${milliseconds(webgpu.milliseconds.min)} to ${milliseconds(webgpu.milliseconds.max)} over ${webgpu.steps} steps`,
    },
  ];
  if (reference && report.ratio !== null && report.lossDifference !== null) {
    rows.push(
      {
        name: 'Plain tfjs',
        value: milliseconds(reference.milliseconds.median),
        note:
          reference.warmup === 0
            ? 'the first step alone: it took too long to repeat, and compiling its kernels counts'
            : `median of ${reference.steps} steps`,
      },
      { name: 'Faster than plain tfjs', value: `${digits(report.ratio)}×` },
      {
        name: 'Loss',
        value: webgpu.loss.toFixed(5),
        note: `plain tfjs: ${reference.loss.toFixed(5)}, ${report.lossDifference.toExponential(1)} apart`,
      },
    );
  } else rows.push({ name: 'Loss', value: webgpu.loss.toFixed(5), note: 'nats per label token' });
  rows.push(
    { name: 'Text tokens', value: `${whole(report.textTokensPerSecond)} a second` },
    {
      name: 'Rows',
      value: `${whole(report.rowsPerSecond)} a second`,
      note: `${report.rows} a step, those of the prompt once`,
    },
    {
      name: 'Arithmetic',
      value: `${digits(report.gflopPerSecond)} GFLOP/s`,
      note: `its products alone reach ${digits(matmul.gflopPerSecond)}; a step ${Math.round(matmul.shareReached * 100)} % of that`,
    },
    {
      name: 'Processor',
      value: `${milliseconds(report.cpuMilliseconds)} a step`,
      note: `to encode and submit ${report.dispatches} dispatches${submit ? `; ${milliseconds(submit.milliseconds.median)} for a model of ${submit.layers} layers with ${submit.dispatches}` : ''}`,
    },
    {
      name: 'Memory',
      value: megabytes(allocated.device),
      note: `at most; weights ${megabytes(allocated.weights)}, a step ${megabytes(allocated.step)}`,
    },
    {
      name: 'Start',
      value: milliseconds(report.createMilliseconds),
      note: 'weights uploaded, kernels compiled',
    },
  );
  rows.push(...laneRows(report));
  return rows;
}

function laneRows({ lanes }: Pick<BenchReport, 'lanes'>): ResultRow[] {
  if (!lanes) return [];
  return [
    {
      name: `${lanes.lanes} prompts in one step`,
      value: milliseconds(lanes.together.median),
      note: `${digits(lanes.ratio)} of the time of a step for each, ${milliseconds(lanes.apart.median)}; losses ${lanes.lossDifference.toExponential(1)} apart at most`,
    },
  ];
}

function processorRows(report: ProcessorReport): ResultRow[] {
  const { wasm, reference, ratio, lossDifference, matmul, allocated } = report;
  const rows: ResultRow[] = [
    {
      name: 'A step',
      value: milliseconds(wasm.milliseconds.median),
      note: `${milliseconds(wasm.milliseconds.min)} to ${milliseconds(wasm.milliseconds.max)} over ${wasm.steps} steps`,
    },
  ];
  if (reference && ratio !== null && lossDifference !== null) {
    rows.push(
      {
        name: 'Plain tfjs',
        value: milliseconds(reference.milliseconds.median),
        note: `its own WebAssembly, threads: ${report.referenceThreads}`,
      },
      { name: 'Faster than plain tfjs', value: `${digits(ratio)}×` },
      { name: 'Loss', value: wasm.loss.toFixed(5), note: `${lossDifference.toExponential(1)} apart` },
    );
  } else rows.push({ name: 'Loss', value: wasm.loss.toFixed(5), note: 'nats per label token' });
  rows.push(
    { name: 'Text tokens', value: `${whole(report.textTokensPerSecond)} a second` },
    { name: 'Rows', value: `${whole(report.rowsPerSecond)} a second`, note: `${report.rows} a step` },
    {
      name: 'Arithmetic',
      value: `${digits(report.gflopPerSecond)} GFLOP/s`,
      note: `its products alone reach ${digits(matmul.gflopPerSecond)}; a step ${Math.round(matmul.shareReached * 100)} % of that`,
    },
    {
      name: 'Memory',
      value: megabytes(allocated.memory),
      note: `weights ${megabytes(allocated.weights)}, a step ${megabytes(allocated.step)}`,
    },
  );
  rows.push(...laneRows(report));
  return rows;
}

/** What computed, in words. */
export function deviceName(report: BenchReport | ProcessorReport): string {
  if ('engine' in report) return `Processor · threads: ${report.threads} · ${report.simd} SIMD`;
  const { description, vendor, architecture } = report.adapter;
  return description || [vendor, architecture].filter(Boolean).join(' ');
}

/** A name that sorts by date and says what was measured. */
export function fileName(report: BenchReport | ProcessorReport): string {
  const { date, model, workload } = report;
  const { batch, length, prompt, labels } = workload;
  const name =
    'engine' in report
      ? `processor-${report.threads}-${report.simd}`
      : report.adapter.architecture || report.adapter.vendor || 'gpu';
  const device = name.replace(/[^a-z0-9]+/gi, '-').toLowerCase();
  return `${date.slice(0, 10)}-${device}-${model}-b${batch}-t${length}-p${prompt}-n${labels}.json`;
}

function milliseconds(value: number): string {
  return value >= 10_000 ? `${digits(value / 1000)} s` : `${digits(value)} ms`;
}

function megabytes(bytes: number): string {
  return `${digits(bytes / 1e6)} MB`;
}

/** Three digits that count. */
function digits(value: number): string {
  return value >= 100 ? whole(value) : value.toPrecision(3);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}
