/** @file Cells that PEFT trains: what each recipe says, and the one Python process that trains them. */
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
import { PythonPeer } from './peer';
import { DEFAULT } from './plan';

/** PEFT's guide to prompt-based methods: AdamW as PyTorch has it, a rate that falls in a line, nothing clipped. */
export const GUIDE = {
  learningRate: 3e-2,
  schedule: 'linear',
  warmupSteps: 0,
  clipNorm: 0,
  weightDecay: 0.01,
} as const;
/** Of the guide's P-tuning. */
export const ENCODER_WIDTH = 128;

/** A Python with PEFT, to which cells are given one after another. Close it. */
export class PeftPeer {
  private sample: string | null = null;

  private constructor(private readonly peer: PythonPeer) {}

  /** @throws Error with what Python said */
  static async open(python: string): Promise<PeftPeer> {
    return new PeftPeer(await PythonPeer.open(python, modelFolder));
  }

  get versions(): Record<string, string> {
    return this.peer.versions;
  }

  /** @throws Error with what Python said */
  async train(ground: Ground, cell: PeftCell, seeds: readonly number[]): Promise<Outcome[]> {
    if (this.sample !== cell.sample) {
      await this.peer.ask(sampleMessage(sampleOf(ground, cell.sample).data));
      this.sample = cell.sample;
    }
    const { outcomes } = await this.peer.ask<{ outcomes: Outcome[] }>(await messageOf(ground, cell, seeds));
    return outcomes;
  }

  close(): void {
    this.peer.close();
  }
}

/** The rows that cells are trained, validated and tested on from now on. */
export function sampleMessage({ training, validation, test }: Record<Part, readonly TokenExample[]>) {
  return {
    kind: 'sample',
    training: rowsOf(training),
    validation: rowsOf(validation),
    test: rowsOf(test),
  };
}

type Part = 'training' | 'validation' | 'test';

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
