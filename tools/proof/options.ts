/** @file What may be said to `npm run proof`. */
import { parseArgs } from 'node:util';
import { fullPlan, STEPS } from './plan';
import { describeFiles } from './rows';

export interface ProofOptions {
  /** Folder of the data files; null where nothing is measured, or with the page's own samples. */
  data: string | null;
  /** Folder of the models' folders. */
  models: string;
  /** A few steps and rows with what ships with the page, kept apart and not written into the docs. */
  quick: boolean;
  /** Nothing is measured: the docs are written anew from the newest results. */
  report: boolean;
  /** Wall clock after which no cell is begun. */
  minutes: number;
  /** Only cells in whose description all of these stand. */
  only: string[];
  /** Of everything that is trained; null for as many as the page suggests. */
  steps: number | null;
  /** Also the cells that take longer. */
  further: boolean;
  /** Whether PEFT's cells are trained. */
  peft: boolean;
  /** The Python that has PEFT. */
  python: string | undefined;
  /** Folder of the results. */
  out: string;
}

export const USAGE = `usage: npm run proof -- --data FOLDER [--minutes M]  no cell is begun after so long; 180 where nothing is said
  [--only TEXT]...    only cells in whose line all of these stand, such as smollm2 or “seed 1”
  [--steps N|suggested]  of everything that is trained, ${STEPS} where nothing is said; suggested is what the page takes
  [--further]         also what takes about eight hours more: Gemma on Banking77, all 77 classes, other seeds, and beside the
                      question PEFT’s start from N(0, 1) and a search over prefixes
  [--quick]           a few steps and rows of everything, with the model and a sample that ship with the page
  [--report]          measures nothing, writes docs/proof.md from the newest results
  [--python PATH]     a Python with tools/real/requirements.txt; else one is made in .models/python
  [--no-peft]         leaves PEFT out
  [--models FOLDER]   where the models’ folders are; .models, as \`npm run real -- fetch\` makes them, where nothing is said
  [--out FOLDER]      where the results are; bench/results where nothing is said
The folder of the data holds:
${describeFiles(fullPlan().tasks)}`;

/** What was asked for cannot be understood. */
export class OptionError extends Error {
  override name = 'OptionError';
}

/** @throws OptionError in words */
export function parseOptions(args: string[]): ProofOptions {
  const values = parse(args);
  const { quick, report, models, only, further, peft, python, out } = values;
  const minutes = values.minutes.trim() === '' ? Number.NaN : Number(values.minutes);
  if (!(minutes > 0)) throw new OptionError(`--minutes takes a number above 0, not “${values.minutes}”.`);
  const steps = values.steps === 'suggested' ? null : Number(values.steps);
  if (steps !== null && !(Number.isSafeInteger(steps) && steps > 0))
    throw new OptionError(`--steps takes a whole number above 0 or “suggested”, not “${values.steps}”.`);
  if (quick && report) throw new OptionError('--quick and --report exclude each other: give one of them.');
  const data = values.data ?? null;
  if (data === null && !quick && !report)
    throw new OptionError('--data is missing: the folder of the data files.');
  return { data, models, quick, report, minutes, only, steps, further, peft, python, out };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: false,
      allowNegative: true,
      options: {
        data: { type: 'string' },
        models: { type: 'string', default: '.models' },
        quick: { type: 'boolean', default: false },
        report: { type: 'boolean', default: false },
        minutes: { type: 'string', default: '180' },
        only: { type: 'string', multiple: true, default: [] },
        steps: { type: 'string', default: String(STEPS) },
        further: { type: 'boolean', default: false },
        peft: { type: 'boolean', default: true },
        python: { type: 'string' },
        out: { type: 'string', default: 'bench/results' },
      },
    }).values;
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message : String(error));
  }
}
