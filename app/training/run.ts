/** @file What a run is made from, what it tells and what it leaves. */

import type { Dataset } from '../data/dataset';
import { inputTokens } from '../data/pack';
import type { Engine } from '../engine/engine';
import type { EmbeddingMeasures } from '../inspect/measures';
import type { NeighbourTable } from '../inspect/nearest';
import type { Tokenizer } from '../model/tokenizer';
import type { CheckpointStore } from './checkpoint';
import type { KeeperEvents } from './checkpointKeeper';
import { TrainingError } from './errors';
import { learnerSizes, rowWidth } from './learner';
import type { Words } from './proof';
import type { Lane } from './sweep/sweep';
import type {
  AnswerRow,
  Checkpoint,
  RunSettings,
  RunState,
  StepRecord,
  ValidationRecord,
  Verdict,
  WordsRecord,
} from './types';

export interface RunInputs {
  runId: string;
  engine: Engine;
  /** Of that engine. */
  measures: EmbeddingMeasures;
  /** Identify model and data in checkpoints. */
  modelKey: string;
  dataHash: string;
  /** Of no account where a checkpoint is given, which brings its own. */
  settings: RunSettings;
  /** What is trained, at least one; of no account where a checkpoint is given, as above. */
  lanes: readonly Lane[];
  data: Pick<
    Dataset,
    'training' | 'validation' | 'validationExamples' | 'test' | 'testExamples' | 'classes' | 'classTokens'
  >;
  /** What the prompt is compared with; absent or empty: nothing is compared. */
  words?: readonly Words[];
  tokenizer: Pick<Tokenizer, 'stopIds' | 'decode' | 'tokenText'>;
  /** Absent: nothing is kept. */
  store?: Pick<CheckpointStore, 'save'>;
  /** Parts that each step is done in at least; memory may ask for more. */
  parts?: number;
  /** What was done so far that the person did not ask for. */
  notes?: readonly string[];
  /**
   * Asked when something breaks: whether the engine's device is lost. The run then ends without a word, to be taken
   * up from its last state on another device.
   */
  deviceLost?: () => Promise<boolean>;
}

/** What a run tells. Handlers must not throw. */
export interface RunEvents extends KeeperEvents {
  state(state: RunState): void;
  steps(records: StepRecord[]): void;
  validation(record: ValidationRecord): void;
  /** In texts run through the model; `total` may grow. */
  validationProgress(done: number, total: number): void;
  /** What words alone reach on the validation rows; before the first step. */
  words(records: WordsRecord[]): void;
  /** Words and the best prompt so far on the test rows. */
  verdict(verdict: Verdict): void;
  neighbours(table: NeighbourTable): void;
  /** `instruction` is the one that the answers `told` were given after, null where there are none. */
  answers(step: number, rows: AnswerRow[], instruction: string | null): void;
}

/** A prompt on the host, and where in the run it was. */
export interface TrainedPrompt {
  /** `[rows, width]`, row-major. */
  values: Float32Array;
  lane: number;
  step: number;
  /** Validation loss, or null where it was not validated. */
  loss: number | null;
}

/** What a run whose device is lost is taken up from. */
export interface AbandonedRun {
  /** The last state whose numbers had arrived. */
  checkpoint: Checkpoint;
  /** What it was doing. */
  going: 'resume' | 'singleStep' | null;
  parts: number;
  notes: string[];
}

/** The same handlers, silent once `open` is false. */
export function tellWhile(events: Partial<RunEvents>, open: () => boolean): Partial<RunEvents> {
  const gate = <A extends unknown[]>(handler: ((...told: A) => void) | undefined) =>
    handler && ((...told: A) => (open() ? handler.apply(events, told) : undefined));
  return {
    state: gate(events.state),
    steps: gate(events.steps),
    validation: gate(events.validation),
    validationProgress: gate(events.validationProgress),
    words: gate(events.words),
    verdict: gate(events.verdict),
    neighbours: gate(events.neighbours),
    answers: gate(events.answers),
    saved: gate(events.saved),
    notSaved: gate(events.notSaved),
  };
}

/** @throws TrainingError when there is nothing to train on, or prompts and texts do not fit the model. */
export function checkInputs({ engine, data, lanes }: RunInputs): void {
  const { contextLength } = engine.spec;
  if (data.training.length === 0) {
    throw new TrainingError(
      'The dataset has no training examples.',
      'Add rows, or keep fewer for validation.',
    );
  }
  const rows = lanes.map(({ settings, start }) => {
    const { prompt } = learnerSizes(engine, settings, start.frame);
    if (start.prompt.length !== prompt) {
      throw new TrainingError(
        `The first prompt has ${start.prompt.length} numbers; ${settings.virtualTokens} virtual tokens of this model have ${prompt}.`,
      );
    }
    return prompt / rowWidth(engine, settings);
  });
  const virtualTokens = Math.max(...rows);
  // A validation asks for every class after every input.
  const longestClass = Math.max(0, ...data.classTokens.map(({ length }) => length));
  const lengths = [
    ...data.training.map(({ tokenIds }) => tokenIds.length),
    ...data.validation.map((example) =>
      Math.max(example.tokenIds.length, inputTokens(example).length + longestClass),
    ),
  ];
  const longest = lengths.reduce((a, b) => Math.max(a, b));
  if (virtualTokens + longest > contextLength) {
    throw new TrainingError(
      `${virtualTokens} virtual tokens and the longest text's ${longest} tokens are ${virtualTokens + longest} positions; the model has ${contextLength}.`,
      'Use fewer virtual tokens, or cut the examples shorter.',
    );
  }
}
