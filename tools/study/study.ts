/**
 * @file `npm run study`: trains prompts of many lengths, starts, rates and methods on the embedded model and its samples, has PEFT
 * train on the same rows in the same order, and writes what came out into docs/findings.md. Broken off, it goes on where it was.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { python } from '../real/python.mjs';
import { root } from '../setup/project.mjs';
import { trainApp } from './app';
import { carryOut, standing } from './carryOut';
import { type Cell, describeCell } from './cells';
import { fillIn, writeFindings } from './findings';
import { type Ground, openGround, sampleOf, scoreWords } from './ground';
import { trainLearners } from './learners';
import { parseOptions, type StudyOptions, USAGE } from './options';
import { PeftPeer } from './peft';
import { fullPlan, quickPlan } from './plan';
import { openStudy, type StudyHeader } from './record';

const say = (text: string) => process.stderr.write(`${text}\n`);

process.exitCode = await main(process.argv.slice(2));

/** @returns 0, 1 where something went wrong, 2 where what was asked for cannot be understood */
async function main(args: string[]): Promise<number> {
  let options: StudyOptions;
  try {
    options = parseOptions(args);
  } catch (error) {
    say(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    return 2;
  }
  try {
    return (await run(options)) === 0 ? 0 : 1;
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

/** @returns how many cells failed */
async function run(options: StudyOptions): Promise<number> {
  const { quick, report, minutes, peft, python: named, only, out } = options;
  const plan = quick ? quickPlan() : fullPlan();
  const ground = await openGround(plan.samples);
  const study = openStudy(resolve(root, out), headerOf(ground), quick);
  const hashOf = (sample: string) => sampleOf(ground, sample).data.report.hash;
  say(`Results are in ${study.path}.`);
  const { done, missing, failed } = report
    ? { ...standing(plan, study, hashOf), failed: 0 }
    : await withPeer(peft, named, (peerOf) =>
        carryOut(plan, study, 60 * minutes, {
          hashOf,
          wanted: (cell) => describeCell(cell).includes(only),
          say,
          clock: () => performance.now() / 1000,
          train: (cell, seeds) => train(ground, cell, seeds, peerOf),
        }),
      );
  const findings = writeFindings({ header: study.header, records: done, missing, seeds: plan.seeds });
  if (quick) {
    for (const [name, text] of Object.entries(findings)) process.stdout.write(`## ${name}\n\n${text}\n\n`);
    return failed;
  }
  const path = join(root, 'docs/findings.md');
  writeFileSync(path, fillIn(readFileSync(path, 'utf8'), findings));
  say(`${done.length} of ${plan.cells.length} cells are in ${path}.`);
  if (missing.length > 0) say('Run it again to go on with the others.');
  return failed;
}

type PeerOf = () => Promise<PeftPeer | null>;

async function train(ground: Ground, cell: Cell, seeds: readonly number[], peerOf: PeerOf) {
  switch (cell.by) {
    case 'words':
      return { outcomes: [], words: await scoreWords(ground, cell.sample) };
    case 'learner':
      return { outcomes: await trainLearners(ground, cell, seeds) };
    case 'app':
      return { outcomes: await trainApp(ground, cell, seeds) };
    case 'peft': {
      const peer = await peerOf();
      return peer && { outcomes: await peer.train(ground, cell, seeds), versions: peer.versions };
    }
  }
}

/** PEFT is started with the first cell that asks for it, and ended with the work. */
async function withPeer<T>(wanted: boolean, named: string | undefined, work: (peerOf: PeerOf) => Promise<T>) {
  let opened: Promise<PeftPeer> | null = null;
  const open = async () => {
    const peer = await PeftPeer.open(await python(named));
    say(`PEFT ${peer.versions.peft}, PyTorch ${peer.versions.torch}.`);
    return peer;
  };
  try {
    return await work(async () => {
      if (!wanted) return null;
      opened ??= open();
      return opened;
    });
  } finally {
    const peer: PeftPeer | null = (await (opened as Promise<PeftPeer> | null)?.catch(() => null)) ?? null;
    peer?.close();
  }
}

function headerOf({ model, measures }: Ground): StudyHeader {
  const [{ model: processor }] = cpus();
  return {
    kind: 'study',
    date: new Date().toISOString().slice(0, 10),
    model: model.identity.id,
    modelHash: model.identity.embeddingHash,
    elementRms: measures.elementRms,
    machine: `${processor.trim()}, ${availableParallelism()} cores`,
    versions: { node: process.versions.node },
  };
}
