/** @file Cells that PEFT trains: what each recipe says, and the one Python process that trains them. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { createOrder } from '../../app/data/order';
import type { TokenExample } from '../../app/data/types';
import { ownSettings, rowWidth } from '../../app/training/learner';
import { prefixUnits } from '../../app/training/methods/prefix';
import { learningRateAt } from '../../app/training/schedule';
import type { RunSettings } from '../../app/training/types';
import { modelFolder } from '../measure/samples';
import type { Outcome, PeftCell, PeftRecipe } from './cells';
import { type Ground, sampleOf } from './ground';
import { settingsOf, startLane } from './learners';
import { DEFAULT } from './plan';

const script = join(import.meta.dirname, 'peft_cells.py');

/** PEFT's guide to prompt-based methods: AdamW as PyTorch has it, a rate that falls in a line, nothing clipped. */
const GUIDE = {
  learningRate: 3e-2,
  schedule: 'linear',
  warmupSteps: 0,
  clipNorm: 0,
  weightDecay: 0.01,
} as const;
/** Of the guide's P-tuning. */
const ENCODER_WIDTH = 128;

/** A Python with PEFT, to which cells are given one after another. Close it. */
export class PeftPeer {
  private readonly answers: AsyncIterator<string>;
  private readonly lines: Interface;
  private sample: string | null = null;

  /** Of Python, PyTorch, transformers and PEFT. */
  versions: Record<string, string> = {};

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    this.lines = createInterface(child.stdout);
    this.answers = this.lines[Symbol.asyncIterator]();
  }

  /** @throws Error with what Python said */
  static async open(python: string): Promise<PeftPeer> {
    const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'pipe'] });
    // That it failed is told by the answer that does not come.
    child.stdin.on('error', () => undefined);
    child.on('error', () => undefined);
    const peer = new PeftPeer(child);
    const { versions } = await peer.ask<Pick<PeftPeer, 'versions'>>({ kind: 'open', folder: modelFolder });
    peer.versions = versions;
    return peer;
  }

  /** @throws Error with what Python said */
  async train(ground: Ground, cell: PeftCell, seeds: readonly number[]): Promise<Outcome[]> {
    if (this.sample !== cell.sample) {
      const { data } = sampleOf(ground, cell.sample);
      const parts = {
        training: rowsOf(data.training),
        validation: rowsOf(data.validation),
        test: rowsOf(data.test),
      };
      await this.ask({ kind: 'sample', ...parts });
      this.sample = cell.sample;
    }
    const { outcomes } = await this.ask<{ outcomes: Outcome[] }>(await messageOf(ground, cell, seeds));
    return outcomes;
  }

  close(): void {
    this.child.stdin.end();
    this.lines.close();
  }

  private async ask<Answer>(message: object): Promise<Answer> {
    let complaints = '';
    const listen = (text: Buffer) => {
      complaints += text;
    };
    this.child.stderr.on('data', listen);
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
    const { value, done } = await this.answers.next();
    this.child.stderr.off('data', listen);
    if (done) throw new Error(`PEFT’s Python has ended. ${complaints.trim()}`.trim());
    return JSON.parse(value) as Answer;
  }
}

/** What a recipe trains: PEFT's method, the app's words for its start and rate. */
function methodOf(recipe: PeftRecipe): 'prompt' | 'prefix' | 'encoder' {
  return recipe.split('-')[0] as 'prompt' | 'prefix' | 'encoder';
}

async function messageOf(ground: Ground, cell: PeftCell, seeds: readonly number[]) {
  const { data, settings: suggested } = sampleOf(ground, cell.sample);
  const method = methodOf(cell.recipe);
  const ours = cell.recipe.endsWith('-ours');
  const learner = {
    ...cell,
    method,
    start: 'text',
    ...DEFAULT,
    schedule: 'cosine',
    steps: cell.steps,
  } as const;
  const own = settingsOf(ground, learner);
  const settings: RunSettings = ours ? own : { ...own, ...GUIDE };
  const starts: Float32Array[] = [];
  if (ours && method !== 'encoder') {
    for (const seed of seeds) {
      const { start } = await startLane(ground, learner, { ...ownSettings(own), seed });
      starts.push(start.prompt);
    }
  }
  const pace = ours && method === 'prefix' ? paceOf(ground, starts[0], settings) : 1;
  const steps = Array.from({ length: cell.steps }, (_, step) => step);
  return {
    kind: 'cell',
    method,
    seeds,
    virtualTokens: settings.virtualTokens,
    encoderWidth: ENCODER_WIDTH,
    text: cell.recipe === 'prompt-guide' ? suggested.initText : null,
    starts: starts.length > 0 ? starts.map((start) => Array.from(start)) : null,
    rate: pace * settings.learningRate,
    rates: steps.map((step) => pace * learningRateAt(step, settings)),
    clipNorm: settings.clipNorm,
    weightDecay: settings.weightDecay,
    patience: settings.patience,
    steps: cell.steps,
    validateEvery: cell.validateEvery,
    validationRows: cell.validationRows,
    orders: seeds.map((seed) => {
      const order = createOrder(data.training.length, settings.batchSize, seed);
      return steps.map((step) => order.batch(step));
    }),
  };
}

/** The app counts a prefix's columns in units of their own; PEFT has one rate for all: theirs on average. */
function paceOf({ engine, measures }: Ground, start: Float32Array, settings: RunSettings): number {
  const { kvHeads, headDim } = engine.spec;
  const width = rowWidth(engine, settings);
  const units = prefixUnits(start, width, kvHeads * headDim, measures.elementRms);
  return units.reduce((sum, unit) => sum + unit, 0) / units.length;
}

/** Token ids, and labels as PyTorch takes them. */
function rowsOf(examples: readonly TokenExample[]): [number[], number[]][] {
  return examples.map(({ tokenIds, isLabel }) => [
    Array.from(tokenIds),
    Array.from(tokenIds, (id, i) => (isLabel[i] ? id : -100)),
  ]);
}
