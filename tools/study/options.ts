/** @file What may be said to `npm run study`. */
import { parseArgs } from 'node:util';

export interface StudyOptions {
  /** A few steps of everything, kept apart and not written into the docs. */
  quick: boolean;
  /** Nothing is trained: the docs are written anew from the results that there are. */
  report: boolean;
  /** Wall clock after which no cell is begun. */
  minutes: number;
  /** Whether PEFT's cells are trained. */
  peft: boolean;
  /** The Python that has PEFT; null for one of the tool's own. */
  python: string | undefined;
  /** Only cells whose line holds these words are trained; '' for all. */
  only: string;
  /** Folder of the results. */
  out: string;
}

export const USAGE = `usage: npm run study -- [--minutes M]  no cell is begun after so long; 40 where nothing is said
  [--quick]          a few steps of everything; its findings go to stdout
  [--report]         trains nothing, writes docs/findings.md from the newest results of this model
  [--python PATH]    a Python with tools/real/requirements.txt; else one is made in .models/python
  [--no-peft]        leaves PEFT out
  [--only WORDS]     trains only cells whose line of progress holds these words, such as “desk-color: prefix”
  [--out FOLDER]     where the results are; bench/results where nothing is said`;

/** @throws Error in words, where it cannot be understood */
export function parseOptions(args: string[]): StudyOptions {
  const { values } = parseArgs({
    args,
    allowPositionals: false,
    allowNegative: true,
    options: {
      quick: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      minutes: { type: 'string', default: '40' },
      peft: { type: 'boolean', default: true },
      python: { type: 'string' },
      only: { type: 'string', default: '' },
      out: { type: 'string', default: 'bench/results' },
    },
  });
  const minutes = values.minutes.trim() === '' ? Number.NaN : Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, not “${values.minutes}”.`);
  if (values.quick && values.report)
    throw new Error('--quick and --report exclude each other: give one of them.');
  const { quick, report, peft, python, only, out } = values;
  return { quick, report, minutes, peft, python, only, out };
}
