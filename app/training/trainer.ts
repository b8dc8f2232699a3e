/**
 * @file A run: the loop that trains a prompt, and the commands that start, pause, single-step and stop it.
 * It knows the engine's interface and tfjs, nothing of models and devices.
 */
import * as tf from '@tensorflow/tfjs-core';
import { nextTurn } from '../data/eventLoop';
import { createOrder, type ExampleOrder } from '../data/order';
import { packExamples } from '../data/pack';
import type { VectorPrompt } from '../engine/engine';
import { neighbourTable } from '../inspect/nearest';
import { AdamW } from './adamW';
import { AnswerBook } from './answers';
import { CHECKPOINT_EVERY, checkCheckpoint, isOver } from './checkpoint';
import { CheckpointKeeper } from './checkpointKeeper';
import { type Diagnosis, DivergenceWatch } from './divergence';
import { TrainingError } from './errors';
import { evaluatePrompt, pickRows } from './evaluate';
import { Readback } from './readback';
import { checkInputs, type RunEvents, type RunInputs, type TrainedPrompt } from './run';
import { learningRateAt } from './schedule';
import { StepLog } from './stepLog';
import type { Checkpoint, RunPhase, RunSettings, RunState, ValidationRecord } from './types';

/** Steps whose numbers may be on their way from the device. */
const STEPS_IN_FLIGHT = 3;
/** Steps between two tables of nearest tokens. */
const NEIGHBOURS_EVERY = 10;

/**
 * A run of prompt tuning. Evaluation and generation on the same engine may come between its steps.
 * Dispose it; start one at a time.
 */
export class Trainer {
  readonly runId: string;
  readonly settings: RunSettings;

  private phase: RunPhase = 'starting';
  private failure: Diagnosis | null = null;
  /** The failure is not the run's own: a lost device, a lack of memory. */
  private brokeOff = false;
  /** Updates made; their records may still be on their way. */
  private step: number;
  private readonly log: StepLog;
  private readonly validations: ValidationRecord[];
  private readonly initialPrompt: Float32Array;
  private best: Checkpoint['best'];
  /** The last prompt known to be better than the start: what a run leaves that diverges before its first validation. */
  private lastGood: TrainedPrompt;

  private readonly prompt: tf.Variable<tf.Rank.R2>;
  private readonly initial: tf.Tensor2D;
  private readonly optimizer: AdamW;
  private readonly order: ExampleOrder;
  private readonly readback = new Readback(STEPS_IN_FLIGHT);
  private readonly divergence: DivergenceWatch;
  private readonly keeper: CheckpointKeeper;
  private readonly answerBook: AnswerBook;
  private readonly validationRows: number[];

  private running: Promise<void> | null = null;
  private request: 'none' | 'pause' | 'stop' = 'none';
  private validationAbort: AbortController | null = null;
  private readonly announcing = new AbortController();
  private announced: Promise<void> | null = null;
  private neighbours: Promise<void> | null = null;
  private neighboursStep = -1;
  private keptStep: number;
  /** Milliseconds of training before the loop that runs now, and when that began. */
  private elapsed: number;
  private begunAt: number | null = null;

  /**
   * A fresh run; with a checkpoint one that goes on from it: paused, or over if it was over.
   * @throws TrainingError when settings, data, model and checkpoint do not go together.
   */
  constructor(
    private readonly inputs: RunInputs,
    private readonly events: Partial<RunEvents>,
    checkpoint?: Checkpoint,
  ) {
    const { engine, data } = inputs;
    const { settings, initialPrompt } = checkpoint ?? inputs;
    const { hidden } = engine.spec;
    checkInputs({ ...inputs, settings, initialPrompt });
    if (checkpoint) checkCheckpoint(checkpoint, { ...inputs, hidden });
    this.runId = inputs.runId;
    this.settings = settings;
    this.step = checkpoint?.step ?? 0;
    this.keptStep = this.step;
    this.elapsed = checkpoint?.elapsed ?? 0;
    this.best = checkpoint?.best ?? null;
    this.initialPrompt = initialPrompt;
    this.lastGood = { values: checkpoint?.prompt ?? this.initialPrompt, step: this.step, loss: null };
    if (checkpoint) this.phase = isOver(checkpoint.phase) ? checkpoint.phase : 'paused';
    this.log = new StepLog(checkpoint?.history.steps.slice() ?? [], (records) => events.steps?.(records));
    this.validations = checkpoint?.history.validations.slice() ?? [];

    this.order = createOrder(data.training.length, settings.batchSize, settings.seed);
    this.validationRows = pickRows(data.validation.length, settings.validationRows);
    this.answerBook = new AnswerBook(engine, { ...inputs, rows: this.validationRows });
    this.keeper = new CheckpointKeeper(inputs.store, events);
    this.divergence = new DivergenceWatch(settings);
    for (const record of this.log.records) this.divergence.watch(record);

    const shape: [number, number] = [settings.virtualTokens, hidden];
    const start = this.lastGood.values;
    this.prompt = tf.tidy(() => tf.variable(tf.tensor2d(start.slice(), shape)));
    this.initial = tf.tensor2d(this.initialPrompt.slice(), shape);
    const { clipNorm, weightDecay } = settings;
    const moments = checkpoint && { ...checkpoint, updates: checkpoint.step };
    this.optimizer = new AdamW(shape, { clipNorm, weightDecay }, moments);
  }

  get state(): RunState {
    const { failure } = this;
    return {
      phase: this.phase,
      step: this.log.records.length,
      steps: this.settings.steps,
      ...(failure && { message: [failure.message, failure.hint].filter(Boolean).join(' ') }),
      bestStep: this.best?.step ?? 0,
    };
  }

  /** All records so far; they grow with the run. */
  get history(): Checkpoint['history'] {
    return { steps: this.log.records, validations: this.validations };
  }

  /**
   * Trains to the end, or until told otherwise. Resolves when the run rests (finished, paused, stopped or failed) and
   * its checkpoint is kept. What goes wrong on the way is told as state, not thrown.
   * @throws TrainingError when the run is over or going on already.
   */
  async start(): Promise<void> {
    return this.go(Number.POSITIVE_INFINITY);
  }

  /** Goes on after a pause. @throws TrainingError as `start`. */
  async resume(): Promise<void> {
    return this.go(Number.POSITIVE_INFINITY);
  }

  /**
   * Makes one step, and the validation that falls on it, then pauses. Resolves as `start` does.
   * @throws TrainingError as `start`.
   */
  async singleStep(): Promise<void> {
    return this.go(1);
  }

  /** Resolves when the run rests and its checkpoint is kept. A validation under way is given up, and made again on resuming. */
  async pause(): Promise<void> {
    await this.interrupt('pause');
  }

  /** Ends the run for good. What it made is its best prompt, or without any validation its last. */
  async stop(): Promise<void> {
    await this.interrupt('stop');
    if (isOver(this.phase)) return;
    this.rest('stopped');
    await this.settled();
  }

  /** The prompt with the lowest validation loss; before the first validation the present one. */
  async result(): Promise<TrainedPrompt> {
    if (this.best) return { values: this.best.prompt, step: this.best.step, loss: this.best.loss };
    if (this.phase === 'failed') return this.lastGood;
    const { step } = this;
    return { values: await this.readPrompt(), step, loss: null };
  }

  /**
   * Tells what the history of a run that was brought back does not hold: the nearest tokens and the answers of the
   * present prompt. Resolves when they are told.
   */
  announce(): Promise<void> {
    this.tellNeighbours();
    this.announced = this.tellAnswers(this.announcing.signal);
    return this.announced;
  }

  /** Pauses if need be and gives the tensors back. */
  async dispose(): Promise<void> {
    this.announcing.abort();
    await this.pause();
    await this.settled();
    await this.announced;
    this.optimizer.dispose();
    tf.dispose([this.prompt, this.initial]);
  }

  private async go(limit: number): Promise<void> {
    if (this.running) throw new TrainingError('The run is going on already.', 'Pause it first.');
    if (isOver(this.phase)) throw new TrainingError(`The run is ${this.phase}.`, 'Start a new one.');
    this.request = 'none';
    this.running = Promise.resolve().then(() => this.loop(limit));
    await this.running;
    await this.settled();
  }

  private async interrupt(request: 'pause' | 'stop'): Promise<void> {
    if (this.request !== 'stop') this.request = request;
    this.validationAbort?.abort();
    await this.running;
    await this.settled();
  }

  /** Everything that goes on beside the loop. */
  private async settled(): Promise<void> {
    await this.neighbours;
    await this.keeper.settled();
  }

  private async loop(limit: number): Promise<void> {
    this.begunAt = performance.now();
    this.enter('training');
    let left = limit;
    try {
      if (this.step === 0) this.tellNeighbours();
      while (this.request === 'none' && !this.failure) {
        if (this.validationDue) {
          await this.validate();
          continue;
        }
        if (left === 0 || this.step === this.settings.steps) break;
        this.makeStep();
        left -= 1;
        if (this.step % NEIGHBOURS_EVERY === 0 && !this.neighbours) this.tellNeighbours();
        if (this.step - this.keptStep >= CHECKPOINT_EVERY && !this.keeper.busy) this.keep();
        await this.readback.room();
        await nextTurn();
      }
      await this.readback.drained();
    } catch (error) {
      this.fail(error);
    }
    this.log.tell();
    const finished = this.step === this.settings.steps && !this.validationDue;
    this.rest(
      this.failure ? 'failed' : finished ? 'finished' : this.request === 'stop' ? 'stopped' : 'paused',
    );
  }

  /** Queues one update of the prompt on the device; its loss and gradient norm arrive later. */
  private makeStep(): void {
    const { engine, data } = this.inputs;
    const begunAt = performance.now();
    const batch = packExamples(this.order.batch(this.step).map((i) => data.training[i]));
    const learningRate = learningRateAt(this.step, this.settings);
    const measured = tf.tidy(() => {
      const prompts: VectorPrompt[] = [{ kind: 'prompt', vectors: this.prompt }];
      const { value, grads } = tf.variableGrads(() => tf.sum(engine.loss(prompts, batch)), [this.prompt]);
      const norm = this.optimizer.apply(this.prompt, grads[this.prompt.name], learningRate);
      return tf.stack([value, norm]);
    });
    this.step += 1;
    const { step } = this;
    const tokens = batch.tokenIds.length;
    this.readback.push(measured, ([loss, gradientNorm]) => {
      if (this.failure) return;
      const record = { step, loss, gradientNorm, learningRate, tokens };
      this.failure = this.divergence.watch(record);
      // Numbers that are none have no place on a curve.
      if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) this.log.add(record, begunAt);
    });
  }

  /** Whether the present step asks for a validation that has not been made. */
  private get validationDue(): boolean {
    const { step, settings } = this;
    const asked = step > 0 && (step % settings.validateEvery === 0 || step === settings.steps);
    return asked && this.validationRows.length > 0 && this.validations.at(-1)?.step !== step;
  }

  private async validate(): Promise<void> {
    await this.readback.drained();
    if (this.failure) return;
    this.log.tell();
    this.enter('validating');
    const { step } = this;
    const abort = new AbortController();
    const { signal } = abort;
    this.validationAbort = abort;
    try {
      const prompt: VectorPrompt = { kind: 'prompt', vectors: this.prompt };
      const evaluation = await evaluatePrompt(this.inputs.engine, prompt, this.inputs.data, {
        rows: this.validationRows,
        signal,
        onProgress: (done, total) => this.events.validationProgress?.(done, total),
      });
      const values = await this.readPrompt();
      this.failure = this.divergence.validated(step, evaluation.loss);
      if (this.failure) return;
      const best = !this.best || evaluation.loss < this.best.loss;
      if (best) this.best = { step, loss: evaluation.loss, prompt: values };
      this.validations.push({ step, ...evaluation, best });
      this.events.validation?.({ step, ...evaluation, best });
      const answers = await this.answerBook.answers(prompt, signal);
      if (answers.length > 0) this.events.answers?.(step, answers);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.validationAbort = null;
    }
    if (this.request === 'none') this.enter('training');
  }

  /** Asks for the table of nearest tokens of this moment; it comes after those asked for before. */
  private tellNeighbours(): void {
    const { step } = this;
    if (this.neighboursStep === step) return;
    this.neighboursStep = step;
    const { engine, measures, tokenizer } = this.inputs;
    const { initial } = this;
    const vectors = tf.clone(this.prompt) as tf.Tensor2D;
    const told: Promise<void> = Promise.resolve(this.neighbours)
      .then(() =>
        neighbourTable({ engine, measures, vectors, initial, step, textOf: (id) => tokenizer.tokenText(id) }),
      )
      .then((table) => this.events.neighbours?.(table))
      .catch((error) => this.fail(error))
      .finally(() => {
        vectors.dispose();
        if (this.neighbours === told) this.neighbours = null;
      });
    this.neighbours = told;
  }

  private async tellAnswers(signal: AbortSignal): Promise<void> {
    const { step } = this;
    const vectors = tf.clone(this.prompt) as tf.Tensor2D;
    try {
      const answers = await this.answerBook.answers({ kind: 'prompt', vectors }, signal);
      if (answers.length > 0) this.events.answers?.(step, answers);
    } catch (error) {
      if (!signal.aborted) this.fail(error);
    } finally {
      vectors.dispose();
    }
  }

  /** Leaves the loop: from here on commands find the run at rest. */
  private rest(phase: RunPhase): void {
    this.elapsed = this.elapsedNow();
    this.begunAt = null;
    this.running = null;
    this.enter(phase);
    if (phase !== 'failed') this.tellNeighbours();
    // What broke off may go on from the checkpoint before; what diverged may not.
    if (!this.brokeOff) this.keep();
  }

  private keep(): void {
    this.keptStep = this.step;
    this.keeper.keep(this.capture());
  }

  /** The run as it is at this moment, once its numbers have arrived; null when it has diverged meanwhile. */
  private async capture(): Promise<Checkpoint | null> {
    const { phase, best, settings, runId, initialPrompt } = this;
    const { modelKey, dataHash } = this.inputs;
    const failed = phase === 'failed';
    const step = failed ? this.log.records.length : this.step;
    const validations = this.validations.slice();
    const elapsed = this.elapsedNow();
    const [prompt, { firstMoment, secondMoment }] = await Promise.all([
      failed ? this.lastGood.values : this.readPrompt(),
      this.optimizer.export(),
      failed ? undefined : this.readback.drained(),
    ]);
    if (this.log.records.length < step) return null;
    if (!failed && this.divergence.improving) this.lastGood = { values: prompt, step, loss: null };
    const history = { steps: this.log.records.slice(0, step), validations };
    const values = { prompt, initialPrompt, firstMoment, secondMoment };
    return { runId, modelKey, dataHash, settings, step, ...values, best, history, elapsed, phase };
  }

  private async readPrompt(): Promise<Float32Array> {
    const prompt = tf.clone(this.prompt);
    try {
      // A backend may hand out its own memory: copy.
      return Float32Array.from(await prompt.data());
    } finally {
      prompt.dispose();
    }
  }

  private elapsedNow(): number {
    return this.elapsed + (this.begunAt === null ? 0 : performance.now() - this.begunAt);
  }

  private enter(phase: RunPhase): void {
    this.phase = phase;
    this.events.state?.(this.state);
  }

  private fail(error: unknown): void {
    if (this.failure) return;
    this.brokeOff = true;
    const message = `Training broke off: ${error instanceof Error ? error.message : String(error)}`;
    this.failure = { message, hint: 'Load the page again to go on from the last checkpoint.' };
  }
}
