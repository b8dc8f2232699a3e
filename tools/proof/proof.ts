/**
 * @file `npm run proof`: on real models and real rows, does the page's own run, nothing touched, beat the best of ten instructions, an
 * instruction with examples in context, and PEFT? Writes what came out into docs/proof.md. Broken off, it goes on where it was.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { python } from '../real/python.mjs';
import { root } from '../setup/project.mjs';
import { fillIn } from '../study/findings';
import { newestIn, openJournal, readJournal } from '../study/journal';
import { carryOut, type ProofFile, type ProofHeader, standing } from './carryOut';
import { type Cell, type CellRecord, describeCell } from './cells';
import { Measuring } from './measure';
import { OptionError, type ProofOptions, parseOptions, USAGE } from './options';
import { fullPlan, type Plan, quickPlan } from './plan';
import { writeProof } from './report';
import { hashFiles } from './rows';

const say = (text: string) => process.stderr.write(`${text}\n`);

process.exitCode = await main(process.argv.slice(2));

/** @returns 0, 1 where something went wrong, 2 where what was asked for cannot be understood */
async function main(args: string[]): Promise<number> {
  try {
    await run(parseOptions(args));
    return 0;
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    if (!(error instanceof OptionError)) {
      say([words, hintOf(error)].filter(Boolean).join(' '));
      return 1;
    }
    say(`${words}\n\n${USAGE}`);
    return 2;
  }
}

async function run(options: ProofOptions): Promise<void> {
  const { quick, report, minutes, only } = options;
  const plan = quick ? quickPlan() : fullPlan(options);
  const file = report ? newestResults(options) : openResults(plan, options);
  say(`Results are in ${file.path}.`);
  if (!report) {
    const wanted = plan.cells.filter((cell) => isWanted(cell, only));
    if (wanted.length === 0)
      throw new Error(`No cell’s line has all of ${only.map((one) => `“${one}”`).join(', ')}.`);
    const places = {
      data: dataOf(options),
      models: resolve(root, options.models),
      python: options.peft ? () => python(options.python) : null,
    };
    const measuring = new Measuring(plan, places, say);
    try {
      await carryOut(wanted, file, 60 * minutes, {
        measure: (cell, done) => measuring.measure(cell, done),
        say,
        clock: () => performance.now() / 1000,
      });
    } finally {
      measuring.close();
    }
  }
  // What was not asked for this time is not measured all the same, or was before.
  const all = quick ? plan : fullPlan({ ...options, further: true });
  const { done, missing } = standing(all.cells, file.records);
  const blocks = writeProof({ header: file.header, plan: all, records: done, missing });
  if (quick) {
    for (const [name, text] of Object.entries(blocks)) process.stdout.write(`## ${name}\n\n${text}\n\n`);
    return;
  }
  const path = join(root, 'docs/proof.md');
  writeFileSync(path, fillIn(readFileSync(path, 'utf8'), blocks));
  say(`${done.length} of ${all.cells.length} cells are in ${path}.`);
  if (standing(plan.cells, file.records).missing.length > 0) say('Run it again to go on with the others.');
}

function isWanted(cell: Cell, only: readonly string[]): boolean {
  const line = describeCell(cell).toLowerCase();
  return only.every((part) => line.includes(part.toLowerCase()));
}

/** The newest results on these data files, or new ones. */
function openResults({ tasks }: Plan, options: ProofOptions): ProofFile {
  const dataHash = hashFiles(dataOf(options), tasks);
  const header: ProofHeader = {
    kind: 'proof',
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus()[0].model.trim()}, ${availableParallelism()} cores`,
    versions: { node: process.versions.node },
    dataHash,
  };
  return openJournal<ProofHeader, CellRecord>(
    resolve(root, options.out),
    `${options.quick ? 'quick-proof' : 'proof'}-${dataHash.slice(0, 8)}.jsonl`,
    header,
  );
}

function newestResults({ out }: ProofOptions): ProofFile {
  const folder = resolve(root, out);
  const path = newestIn(folder, (name) => /^proof-[0-9a-f]{8}\.jsonl$/.test(name));
  if (!path)
    throw new Error(`There are no results of the proof in ${folder}: run it without --report first.`);
  return readJournal<ProofHeader, CellRecord>(path, 'proof');
}

function dataOf({ data, quick }: ProofOptions): string {
  return data === null && quick ? join(root, 'public/datasets') : resolve(data ?? '');
}

function hintOf(error: unknown): string {
  return error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? error.hint : '';
}
