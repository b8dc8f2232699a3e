/** @file What may be said to `npm run bench`. */
import { parseArgs } from 'node:util';
import { type ShapeName, shapeNames } from './models';
import { DEFAULT_WORKLOAD, type Workload } from './workload';

export interface BenchOptions {
  model: 'embedded' | ShapeName;
  workload: Workload;
  steps: number;
  referenceSteps: number;
  submitSteps: number;
  /** Prompts in one step that are timed against a step for each; 0 leaves that out. */
  lanes: number;
  /** Warm plain tfjs up even where its first step is slow. */
  patient: boolean;
  profile: boolean;
  tune: boolean;
  /** Where the report goes; `-` is stdout. */
  json: string;
  peer: 'peft' | null;
  python: string;
  peerDtype: string | null;
  /** What is timed beside plain tfjs, where it runs, and of the processor's engine on how many threads and with which SIMD. */
  engine: 'webgpu' | 'wasm';
  place: 'node' | 'chromium';
  threads: number | null;
  simd: 'plain' | 'relaxed' | null;
}

export const USAGE = `usage: npm run bench -- [--model embedded|${shapeNames.join('|')}]
  [--batch B] [--length T] [--prompt p] [--labels n]   B texts of T tokens, the last n labels, after p virtual tokens
  [--steps N] [--reference-steps N] [--submit-steps N] timed steps; 0 leaves plain tfjs or the 30 layers out
  [--lanes K]                                          time K prompts in one step against K steps of one
  [--patient]                                          warm plain tfjs up even where a step takes over 20 seconds
  [--tune] [--profile]                                 try tilings on a software adapter too; time single kernels
  [--engine webgpu|wasm]                               the GPU's engine, or the processor's:
  [--in node|chromium] [--threads N] [--simd plain|relaxed]   where, and how (default: as many threads as there are)
  [--peer peft] [--python PATH] [--peer-dtype float32|bfloat16]
  [--json FILE|-]`;

/** @throws OptionError whose message says what was wrong. */
export class OptionError extends Error {
  override name = 'OptionError';
}

export function parseOptions(args: string[]): BenchOptions {
  const values = parse(args);
  const whole = (name: keyof typeof values, least: number) => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < least) {
      throw new OptionError(`--${name} takes a whole number from ${least} on, not “${values[name]}”.`);
    }
    return value;
  };
  const model = (['embedded', ...shapeNames] as const).find((name) => name === values.model);
  if (!model) {
    throw new OptionError(`--model takes embedded, ${shapeNames.join(', ')}, not “${values.model}”.`);
  }
  if (values.peer !== undefined && values.peer !== 'peft') {
    throw new OptionError(`--peer takes peft, not “${values.peer}”.`);
  }
  const oneOf = <T extends string>(name: 'engine' | 'in' | 'simd', known: readonly T[]): T => {
    const found = known.find((one) => one === values[name]);
    if (!found) throw new OptionError(`--${name} takes ${known.join(' or ')}, not “${values[name]}”.`);
    return found;
  };
  const engine = oneOf('engine', ['webgpu', 'wasm']);
  const place = oneOf('in', ['node', 'chromium']);
  if (engine === 'webgpu' && place === 'chromium') {
    throw new OptionError('--in chromium is for --engine wasm; in a browser open /bench.html for a GPU.');
  }
  const peerDtype = values['peer-dtype'] ?? null;
  if (peerDtype !== null && !['float32', 'bfloat16'].includes(peerDtype)) {
    throw new OptionError(`--peer-dtype takes float32 or bfloat16, not “${peerDtype}”.`);
  }
  return {
    model,
    workload: {
      batch: whole('batch', 1),
      length: whole('length', 1),
      prompt: whole('prompt', 1),
      labels: whole('labels', 1),
    },
    steps: whole('steps', 1),
    referenceSteps: whole('reference-steps', 0),
    submitSteps: whole('submit-steps', 0),
    lanes: whole('lanes', 0),
    patient: values.patient,
    profile: values.profile,
    tune: values.tune,
    json: values.json,
    peer: values.peer ?? null,
    python: values.python,
    peerDtype,
    engine,
    place,
    threads: values.threads === undefined ? null : whole('threads', 1),
    simd: values.simd === undefined ? null : oneOf<'plain' | 'relaxed'>('simd', ['plain', 'relaxed']),
  };
}

function parse(args: string[]) {
  const standard = Object.fromEntries(Object.entries(DEFAULT_WORKLOAD).map(([k, v]) => [k, String(v)]));
  try {
    return parseArgs({
      args,
      options: {
        model: { type: 'string', default: 'embedded' },
        batch: { type: 'string', default: standard.batch },
        length: { type: 'string', default: standard.length },
        prompt: { type: 'string', default: standard.prompt },
        labels: { type: 'string', default: standard.labels },
        steps: { type: 'string', default: '10' },
        'reference-steps': { type: 'string', default: '3' },
        'submit-steps': { type: 'string', default: '50' },
        lanes: { type: 'string', default: '0' },
        patient: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
        tune: { type: 'boolean', default: false },
        json: { type: 'string', default: '-' },
        peer: { type: 'string' },
        python: { type: 'string', default: 'python3' },
        'peer-dtype': { type: 'string' },
        engine: { type: 'string', default: 'webgpu' },
        in: { type: 'string', default: 'node' },
        threads: { type: 'string' },
        simd: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message : String(error));
  }
}
