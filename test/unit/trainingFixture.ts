/** @file A random model of a few thousand weights and a task for it, small enough to train on the cpu backend in a test. */

import type { TokenExample } from '../../app/data/types';
import { createEngine } from '../../app/engine/choice';
import type { Engine } from '../../app/engine/engine';
import type { HostTensor, ModelSpec, ModelWeights } from '../../app/engine/spec';
import { streamOf } from '../../app/engine/weightStream';
import { createRandom } from '../../app/formats/random';
import { measureEmbeddings } from '../../app/inspect/measures';
import { ownSettings } from '../../app/training/learner';
import type { RunEvents, RunInputs } from '../../app/training/run';
import type { Lane } from '../../app/training/sweep/sweep';
import type {
  Checkpoint,
  RunSettings,
  RunState,
  StepRecord,
  ValidationRecord,
  Verdict,
  WordsRecord,
} from '../../app/training/types';

export const VOCAB = 48;
export const HIDDEN = 16;
export const END_OF_TEXT = 0;

const spec: ModelSpec = {
  modelType: 'tiny',
  vocabSize: VOCAB,
  hidden: HIDDEN,
  heads: 2,
  kvHeads: 1,
  headDim: 8,
  mlpWidth: 24,
  contextLength: 64,
  layers: [{ window: null, rope: 0 }],
  embedScale: 1,
  learnedPositionOffset: null,
  ropes: [{ dims: 8, inverseFrequencies: [1, 0.1, 0.01, 0.001] }],
  norm: { kind: 'rms', epsilon: 1e-5, weightOffset: 0 },
  queryKeyNorm: null,
  postNorms: false,
  parallelResidual: false,
  attentionScale: 8 ** -0.5,
  attentionSoftcap: null,
  logitSoftcap: null,
  activation: 'silu',
  gatedMlp: true,
  tiedHead: true,
};

/** The same weights every time. */
export function tinyWeights(): { spec: ModelSpec; weights: ModelWeights } {
  const random = createRandom(7);
  const tensor = (shape: number[], fill: () => number): HostTensor => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, fill);
    return { dtype: 'F32', shape, data: new Uint8Array(values.buffer) };
  };
  const normal = (...shape: number[]) => tensor(shape, () => 0.3 * random.normal());
  const ones = () => tensor([HIDDEN], () => 1);
  const weights = new Map<string, HostTensor>([
    ['embed.tokens', normal(VOCAB, HIDDEN)],
    ['layers.0.attention.norm.weight', ones()],
    ['layers.0.attention.qkv.weight', normal(32, HIDDEN)],
    ['layers.0.attention.out.weight', normal(HIDDEN, 16)],
    ['layers.0.mlp.norm.weight', ones()],
    ['layers.0.mlp.in.weight', normal(48, HIDDEN)],
    ['layers.0.mlp.out.weight', normal(HIDDEN, 24)],
    ['final.norm.weight', ones()],
  ]);
  return { spec, weights };
}

/** The engine of what was started: the processor's, or the reference on a tfjs backend. */
export async function tinyEngine(): Promise<Engine> {
  const { spec, weights } = tinyWeights();
  return (await createEngine(spec, streamOf(weights))).engine;
}

/** Token n is written `tn`. */
export const tinyTokenizer = {
  specialIds: new Set([END_OF_TEXT]),
  stopIds: [END_OF_TEXT],
  encode: (text: string) => [...text.matchAll(/t(\d+)/g)].map(([, id]) => Number(id)),
  decode: (ids: readonly number[]) => ids.map((id) => `t${id}`).join(' '),
  tokenText: (id: number) => `t${id}`,
};

const CLASSES = ['t5', 't6 t7'];
const classTokens = [Int32Array.of(5, END_OF_TEXT), Int32Array.of(6, 7, END_OF_TEXT)];

/** Inputs of 3 to 8 random tokens. The class `t5` is four times as common, so that a prompt has something to learn. */
export function tinyData(training = 40, validation = 12, test = 8): RunInputs['data'] {
  const random = createRandom(3);
  const make = (_: unknown, row: number) => {
    const input = Array.from({ length: 3 + random.int(6) }, () => 10 + random.int(30));
    const target = random.int(5) === 0 ? 1 : 0;
    const tokenIds = Int32Array.from([...input, ...classTokens[target]]);
    const isLabel = new Uint8Array(tokenIds.length).fill(1, input.length);
    const tokens: TokenExample = { tokenIds, isLabel, cut: 0, row };
    return { tokens, text: { input: tinyTokenizer.decode(input), target: CLASSES[target], row } };
  };
  const rows = Array.from({ length: training + validation + test }, make);
  const held = training + validation;
  return {
    training: rows.slice(0, training).map(({ tokens }) => tokens),
    validation: rows.slice(training, held).map(({ tokens }) => tokens),
    validationExamples: rows.slice(training, held).map(({ text }) => text),
    test: rows.slice(held).map(({ tokens }) => tokens),
    testExamples: rows.slice(held).map(({ text }) => text),
    classes: CLASSES,
    classTokens,
  };
}

export const tinySettings: RunSettings = {
  search: 'none',
  method: 'prompt',
  virtualTokens: 3,
  initialiser: 'random',
  initText: '',
  before: '',
  after: '',
  learningRate: 0.05,
  steps: 30,
  batchSize: 3,
  seed: 5,
  warmupSteps: 2,
  schedule: 'cosine',
  clipNorm: 1,
  weightDecay: 0.01,
  validateEvery: 10,
  validationRows: 4,
  noise: 0,
  shots: 0,
  patience: 0,
  minutes: 0,
  instructions: [],
};

/** A start that is the same every time: `[virtualTokens, HIDDEN]`. */
export function tinyStart(virtualTokens: number): Float32Array {
  const random = createRandom(11);
  return Float32Array.from({ length: virtualTokens * HIDDEN }, () => 0.3 * random.normal());
}

export async function tinyInputs(engine: Engine, settings: Partial<RunSettings> = {}): Promise<RunInputs> {
  const all = { ...tinySettings, ...settings };
  return {
    runId: 'run',
    engine,
    measures: await measureEmbeddings(engine, 0),
    modelKey: 'tiny',
    dataHash: 'data',
    settings: all,
    data: tinyData(),
    lanes: [plainLane(all, tinyStart(all.virtualTokens))],
    tokenizer: tinyTokenizer,
  };
}

/** The one lane of a run of prompt tuning that starts from this prompt. */
export function plainLane(settings: RunSettings, prompt: Float32Array): Lane {
  const start = { parameters: prompt, constants: new Float32Array(0), frame: [0, 0] as const, prompt };
  return { name: '', settings: ownSettings(settings), start };
}

/** Everything a run tells, by kind. */
export interface Told {
  states: RunState[];
  steps: StepRecord[];
  validations: ValidationRecord[];
  words: WordsRecord[];
  verdicts: Verdict[];
  neighbourSteps: number[];
  answerSteps: number[];
  saved: number[];
  notSaved: unknown[];
}

/** Handlers that write down what they hear; `also` are called after. */
export function listen(also: Partial<RunEvents> = {}): { told: Told; events: RunEvents } {
  const told: Told = {
    states: [],
    steps: [],
    validations: [],
    words: [],
    verdicts: [],
    neighbourSteps: [],
    answerSteps: [],
    saved: [],
    notSaved: [],
  };
  const events: RunEvents = {
    state(state) {
      told.states.push(state);
      also.state?.(state);
    },
    steps(records) {
      told.steps.push(...records);
      also.steps?.(records);
    },
    validation(record) {
      told.validations.push(record);
      also.validation?.(record);
    },
    validationProgress(done, total) {
      also.validationProgress?.(done, total);
    },
    words(records) {
      told.words.push(...records);
      also.words?.(records);
    },
    verdict(verdict) {
      told.verdicts.push(verdict);
      also.verdict?.(verdict);
    },
    neighbours(table) {
      told.neighbourSteps.push(table.step);
      also.neighbours?.(table);
    },
    answers(step, rows, instruction) {
      told.answerSteps.push(step);
      also.answers?.(step, rows, instruction);
    },
    saved(step) {
      told.saved.push(step);
      also.saved?.(step);
    },
    notSaved(error) {
      told.notSaved.push(error);
      also.notSaved?.(error);
    },
  };
  return { told, events };
}

/** What must be equal between two runs that did the same: all of a checkpoint but the times. */
export function timeless({ elapsed: _elapsed, history, ...rest }: Checkpoint) {
  const steps = history.steps.map(({ milliseconds: _milliseconds, ...record }) => record);
  return { ...rest, history: { ...history, steps } };
}

/** A checkpoint that no run has made, all of whose parts tell its step. */
export function madeUp(step: number, runId = 'a'): Checkpoint {
  const values = (offset: number) => Float32Array.from({ length: 6 }, (_, i) => offset + i + step);
  const steps = Array.from({ length: step }, (_, i) => ({
    lane: 0,
    step: i + 1,
    loss: 3 / (i + 1),
    gradientNorm: 1,
    learningRate: 0.1,
    tokens: 10,
    milliseconds: 2,
  }));
  const validations = steps
    .filter((record) => record.step % 10 === 0)
    .map(({ step, loss }) => ({
      lane: 0,
      step,
      loss,
      error: 0.1,
      accuracy: null,
      tokenAccuracy: 0.5,
      exact: 0.5,
      rows: 4,
      best: true,
    }));
  return {
    runId,
    modelKey: 'm',
    dataHash: 'd',
    settings: tinySettings,
    step,
    lanes: [
      {
        name: '',
        settings: ownSettings(tinySettings),
        ended: null,
        parameters: values(0),
        constants: new Float32Array(0),
        frame: [0, 0],
        firstMoment: values(2),
        secondMoment: values(3),
        prompt: values(0),
        initialPrompt: values(1),
        best: { step, loss: 1, error: 0.1, prompt: values(4) },
      },
    ],
    chosen: null,
    endedEarly: null,
    history: { steps, validations },
    elapsed: 5,
    phase: 'training',
  };
}
