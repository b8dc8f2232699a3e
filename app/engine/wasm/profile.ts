/** @file Where the time of a step goes on the processor, by kinds of records: each is run by itself, on all threads. */
import type { SoftPrompt } from '../engine';
import type { StepLayout } from '../layout';
import { Op, type RecordList } from './records';
import type { Plan, StepRunner } from './steps';

export interface RecordTime {
  label: string;
  /** In a step, of all records of that kind. */
  milliseconds: number;
  records: number;
}

export interface StepProfile {
  kernels: RecordTime[];
  /** Milliseconds of the same records as one list: what their sum is above this is starting and ending each by itself. */
  together: number;
  /** Milliseconds to write the tables and prompts, and to write the list. */
  preparing: number;
}

/** Steps that count, after some in which the browser compiles. Of each record the quickest counts: others were interrupted. */
const RUNS = 15;
const WARMUP = 3;

export function profileStep(
  steps: StepRunner,
  plan: Plan,
  layout: StepLayout,
  prompts: readonly SoftPrompt[],
): StepProfile {
  const preparing: number[] = [];
  const together: number[] = [];
  let records: RecordList[] = [];
  let times: number[][] = [];
  for (let run = 0; run < WARMUP + RUNS; run++) {
    const start = performance.now();
    steps.write(plan, layout, prompts);
    const list = steps.record(plan, layout);
    const prepared = performance.now();
    steps.pool.run(list, plan.buffers);
    const done = performance.now();
    records = list.single();
    if (run === WARMUP) times = records.map(() => []);
    const each = records.map((record) => {
      const before = performance.now();
      steps.pool.run(record, plan.buffers);
      return performance.now() - before;
    });
    if (run < WARMUP) continue;
    preparing.push(prepared - start);
    together.push(done - prepared);
    each.forEach((time, i) => {
      times[i].push(time);
    });
  }
  const kinds = new Map<string, RecordTime>();
  records.forEach((record, i) => {
    const label = labelOf(record.slice(0, 1));
    const kind = kinds.get(label) ?? { label, milliseconds: 0, records: 0 };
    kind.milliseconds += Math.min(...times[i]);
    kind.records++;
    kinds.set(label, kind);
  });
  return {
    kernels: [...kinds.values()].sort((a, b) => b.milliseconds - a.milliseconds),
    together: Math.min(...together),
    preparing: Math.min(...preparing),
  };
}

/** The kernel's name, and of a product its shape as well. */
function labelOf(words: Int32Array): string {
  const [op, , , , form, , rows, columns, depth] = words;
  if (op !== Op.Matmul && op !== Op.FewRows) return Op[op];
  return `${form === 0 ? 'NT' : 'NN'} ${rows} × ${depth} × ${columns}`;
}
