/**
 * @file A run: the loop that trains a prompt, and the commands that start, pause, single-step and stop it.
 * It knows the engine's interface and tfjs, nothing of models and devices.
 */
import { nextTurn, untilAborted } from '../data/eventLoop';
import type { SoftPrompt } from '../engine/engine';
import { EngineMemoryError } from '../engine/errors';
import { affordableRows, pickRows } from '../evaluation/pickRows';
import { CHECKPOINT_EVERY, checkCheckpoint, isOver, MOST_LOST } from './checkpoint';
import { CheckpointKeeper } from './checkpointKeeper';
import { type Diagnosis, diagnoseError } from './divergence';
import { TrainingError } from './errors';
import { evaluatePrompts } from './evaluate';
import { LatestState } from './latestState';
import { tensorOf } from './learner';
import { type JudgedPrompt, Proving } from './proving';
import { Readback } from './readback';
import {
  type AbandonedRun,
  checkInputs,
  type RunEvents,
  type RunInputs,
  type TrainedPrompt,
  tellWhile,
} from './run';
import { RunRecord } from './runRecord';
import { Showing } from './showing';
import { RunLanes } from './sweep/runLanes';
import { type Lane, Sweep } from './sweep/sweep';
import type { Checkpoint, RunPhase, RunSettings, RunState, ValidationRecord } from './types';

/** Steps whose numbers may be on their way from the device. */
const STEPS_IN_FLIGHT = 3;
/** Steps between two tables of nearest tokens. */
const NEIGHBOURS_EVERY = 10;

/**
 * A run: one lane, or several of which some end before others. Evaluation and generation on the same engine may come between its steps.
 * Dispose it; start one at a time.
 */
export class Trainer {
  readonly runId: string;
  readonly settings: RunSettings;

  private phase: RunPhase = 'starting';
  private failure: Diagnosis | null = null;
  /** The failure is not the run's own: a lack of memory, an engine that broke. */
  private brokeOff = false;
  /** Updates made; their records may still be on their way. */
  private step: number;
  private readonly events: Partial<RunEvents>;
  private readonly record: RunRecord;
  private readonly lanes: readonly Lane[];
  private readonly sweep: Sweep;
  private readonly together: RunLanes;
  private readonly latest: LatestState;
  private readonly keeper: CheckpointKeeper;
  private readonly showing: Showing;
  private readonly readback = new Readback(STEPS_IN_FLIGHT);
  private readonly validationRows: number[];
  private readonly proving: Proving;
  private keptStep: number;

  private running: Promise<void> | null = null;
  /** What the loop that runs now was asked for. */
  private asked: AbandonedRun['going'] = null;
  private request: 'none' | 'pause' | 'stop' = 'none';
  private validationAbort: AbortController | null = null;
  private readonly announcing = new AbortController();
  private announced: Promise<void> | null = null;
  private readonly abandoning = new AbortController();

  /**
   * A fresh run; with a checkpoint one that goes on from it: paused, or over if it was over.
   * @throws TrainingError when settings, data, model and checkpoint do not go together.
   */
  constructor(
    private readonly inputs: RunInputs,
    events: Partial<RunEvents>,
    checkpoint?: Checkpoint,
  ) {
    const { engine, data, parts } = inputs;
    const { settings } = checkpoint ?? inputs;
    if (checkpoint) checkCheckpoint(checkpoint, inputs);
    this.lanes = checkpoint
      ? checkpoint.lanes.map((lane) => ({ ...lane, start: { ...lane, prompt: lane.initialPrompt } }))
      : inputs.lanes;
    const fixed = { ...inputs, settings, lanes: this.lanes };
    checkInputs(fixed);
    this.runId = inputs.runId;
    this.settings = settings;
    this.step = checkpoint?.step ?? 0;
    this.keptStep = this.step;
    if (checkpoint) this.phase = isOver(checkpoint.phase) ? checkpoint.phase : 'paused';
    this.events = tellWhile(events, () => !this.abandoned);
    const kept = this.lanes.map(({ start, ...lane }) => ({ ...start, ...lane, initialPrompt: start.prompt }));
    this.record = new RunRecord({ ...fixed, lanes: kept }, checkpoint, (records) =>
      this.events.steps?.(records),
    );
    this.keeper = new CheckpointKeeper(inputs.store, this.events, this.step);
    this.validationRows = pickRows(
      data.validation.length,
      affordableRows(settings.validationRows, engine, data.validation, data.classTokens),
    );
    this.proving = new Proving(inputs, settings, this.events);
    this.sweep = new Sweep({
      engine,
      training: data.training,
      settings,
      lanes: this.lanes,
      checkpoint,
      parts,
    });
    this.together = new RunLanes(engine, this.lanes, this.record, this.sweep);
    this.latest = new LatestState(checkpoint ?? this.together.first(this.phase), () => this.capture());
    this.showing = new Showing(
      inputs,
      this.events,
      this.validationRows,
      (error) => void this.broke(error),
      () => this.proving.bestInstruction,
    );
  }

  get state(): RunState {
    const { failure, notes, record } = this;
    const { memory } = this.sweep;
    return {
      phase: this.phase,
      step: record.steps,
      steps: this.settings.steps,
      ...(failure && { message: [failure.message, failure.hint].filter(Boolean).join(' ') }),
      ...(notes.length > 0 && { notes }),
      ...(memory && { memory }),
      bestStep: record.best?.step ?? 0,
      leader: record.leader,
      lanes: record.reports,
    };
  }

  /** All records so far; they grow with the run. */
  get history(): Checkpoint['history'] {
    return this.record.history;
  }

  /**
   * Trains to the end, or until told otherwise, from the start or from where it rests. Resolves when the run rests (finished, paused, stopped or failed) and
   * its checkpoint is kept. What goes wrong on the way is told as state, not thrown.
   * @throws TrainingError when the run is over or going on already.
   */
  resume(): Promise<void> {
    return this.go('resume');
  }

  /**
   * Makes one step, and the validation that falls on it, then pauses. Resolves as `resume` does.
   * @throws TrainingError as `resume`.
   */
  singleStep(): Promise<void> {
    return this.go('singleStep');
  }

  /** Resolves when the run rests and its checkpoint is kept. A validation under way is given up, and made again on resuming. */
  async pause(): Promise<void> {
    await this.interrupt('pause');
  }

  /** Ends the run for good. What it made is its best prompt, or without any validation its last. */
  async stop(): Promise<void> {
    await this.interrupt('stop');
    if (isOver(this.phase) || this.abandoned) return;
    this.rest('stopped');
    await this.settled();
  }

  /**
   * The run's prompt: of the lane that leads, or that the person has taken, the one with the lowest validation loss; before
   * the first validation the present one.
   */
  async result(): Promise<TrainedPrompt> {
    const { best, lastGood, leader } = this.record;
    if (best) return { values: best.prompt, step: best.step, loss: best.loss, lane: leader };
    if (this.phase === 'failed') return lastGood;
    if (this.abandoned) {
      const { lanes, step } = this.latest.checkpoint;
      return { values: lanes[leader].prompt, step, loss: null, lane: leader };
    }
    const { step } = this;
    const state = (await this.sweep.read()).get(leader) ?? this.record.left(leader);
    return { values: state.prompt, step, loss: null, lane: leader };
  }

  /** The best prompts of all lanes that were validated: the run's own first, then the lowest validation loss. */
  get bests(): (JudgedPrompt & { name: string })[] {
    return this.together.bests;
  }

  /**
   * From now on the run's prompt is this lane's best; null leaves it to the run again. Resolves when it is kept.
   * @throws TrainingError while steps are made, or where the lane has no validated prompt
   */
  async take(lane: number | null): Promise<void> {
    if (this.running) throw new TrainingError('The run is going on.', 'Pause it first.');
    if (lane !== null && !(lane in this.lanes && this.record.bestOf(lane))) {
      throw new TrainingError('There is no validated prompt of that lane yet.', 'Choose another one.');
    }
    this.record.chosen = lane;
    this.events.state?.(this.state);
    this.keep();
    await Promise.all([this.settled(), this.announce()]);
  }

  /**
   * Tells what the history of a run that was brought back does not hold: the nearest tokens and the answers of the
   * present prompt. Resolves when they are told.
   */
  announce(): Promise<void> {
    const { leader } = this.record;
    this.tellNearest();
    const { signal } = this.announcing;
    this.announced = this.showing
      .answersOf(this.together.presentPrompt(leader), this.step, signal)
      .then(() => this.proving.tell(this.together.best, signal))
      .then(() => (signal.aborted || this.running ? undefined : this.judge()))
      .catch((error) => (signal.aborted ? undefined : this.broke(error)));
    return this.announced;
  }

  /**
   * Ends the run where it is, because its device is gone: nothing is asked of the device or told any more, and whoever
   * waits for the run is let go. Says what to take it up from.
   */
  abandon(): AbandonedRun {
    if (!this.abandoned) {
      this.record.stopClock();
      this.request = 'pause';
      if (!this.running) this.asked = null;
      if (!isOver(this.phase)) this.phase = 'paused';
      this.validationAbort?.abort();
      this.announcing.abort();
      this.proving.interrupt();
      this.abandoning.abort();
      this.running = null;
      this.giveBack();
    }
    const { asked: going, sweep, notes } = this;
    return { checkpoint: this.latest.checkpoint, going, parts: sweep.parts, notes };
  }

  /** Pauses if need be and gives the tensors back. */
  async dispose(): Promise<void> {
    this.announcing.abort();
    await this.pause();
    this.proving.interrupt();
    await this.settled();
    await this.unlessAbandoned(this.announced);
    await this.judged();
    if (!this.abandoned) this.giveBack();
  }

  private get notes(): string[] {
    const { endedEarly, reports } = this.record;
    const alone = reports.length === 1 ? reports[0].ended : null;
    const early = endedEarly ?? (alone && `Ended at step ${alone.step}: ${alone.why}.`);
    return [...(this.inputs.notes ?? []), ...this.sweep.notes, ...(early ? [early] : [])];
  }

  private tellNearest(): void {
    const { leader } = this.record;
    const { initialPrompt } = this.together;
    this.showing.nearest(this.together.presentPrompt(leader), initialPrompt, leader, this.step);
  }

  private get abandoned(): boolean {
    return this.abandoning.signal.aborted;
  }

  private giveBack(): void {
    this.sweep.dispose();
  }

  /** Waits for work on the device no longer than there is a device. */
  private unlessAbandoned(work: Promise<void> | null): Promise<void> {
    return untilAborted(work, this.abandoning.signal);
  }

  private async go(asked: 'resume' | 'singleStep'): Promise<void> {
    if (this.running) throw new TrainingError('The run is going on already.', 'Pause it first.');
    if (isOver(this.phase)) throw new TrainingError(`The run is ${this.phase}.`, 'Start a new one.');
    if (this.abandoned) throw new TrainingError('The device of this run is lost.');
    this.request = 'none';
    this.asked = asked;
    this.proving.interrupt();
    const limit = asked === 'singleStep' ? 1 : Number.POSITIVE_INFINITY;
    this.running = this.unlessAbandoned(Promise.resolve().then(() => this.loop(limit)));
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
    await this.unlessAbandoned(this.showing.settled());
    await this.unlessAbandoned(this.keeper.settled());
  }

  private async loop(limit: number): Promise<void> {
    this.record.startClock();
    let left = limit;
    try {
      if (!this.sweep.memory) await this.sweep.prepare();
      if (this.abandoned) return;
      await this.compare();
      if (this.abandoned) return;
      this.enter('training');
      if (this.step === 0) this.tellNearest();
      while (this.request === 'none' && !this.failure) {
        if (this.validationDue) {
          await this.validate();
          continue;
        }
        if (left === 0 || this.isFinished) break;
        if (this.minuteLimitReached()) continue;
        if (!(await this.madeStep())) continue;
        left -= 1;
        if (this.step % NEIGHBOURS_EVERY === 0 && !this.showing.busy) this.tellNearest();
        if (this.step - this.keptStep >= CHECKPOINT_EVERY && !this.keeper.busy) this.keep();
        this.latest.stepMade(this.step);
        await this.readback.room();
        if (this.step - this.keeper.settledStep >= MOST_LOST) await this.keeper.settled();
        await nextTurn();
      }
      await this.readback.drained();
    } catch (error) {
      await this.broke(error);
    }
    if (this.abandoned) return;
    this.record.log.tell();
    const finished = this.isFinished && !this.validationDue;
    this.rest(
      this.failure ? 'failed' : finished ? 'finished' : this.request === 'stop' ? 'stopped' : 'paused',
    );
  }

  /** Whether no step follows. */
  private get isFinished(): boolean {
    const { endedEarly, going } = this.record;
    return this.step === this.settings.steps || endedEarly !== null || going.length === 0;
  }

  /** Ends the run once it has trained for as long as it may; the prompt of this step is validated still. */
  private minuteLimitReached(): boolean {
    const { minutes } = this.settings;
    if (minutes === 0 || this.step === 0 || this.record.elapsed < 60_000 * minutes) return false;
    this.record.endedEarly = `Ended at step ${this.step}: the limit of ${minutes} ${minutes === 1 ? 'minute' : 'minutes'} was reached.`;
    return true;
  }

  /** Queues one update of the prompt; false where memory was short and smaller parts have been made ready instead. */
  private async madeStep(): Promise<boolean> {
    try {
      this.makeStep();
      return true;
    } catch (error) {
      if (!(error instanceof EngineMemoryError)) throw error;
      await this.readback.drained();
      this.sweep.divide(error);
      await this.sweep.prepare();
      this.events.state?.(this.state);
      return false;
    }
  }

  /** Queues one update of every lane on the device; losses and gradient norms arrive later. */
  private makeStep(): void {
    const begunAt = performance.now();
    const { measured, accepted, learningRates, tokens, lanes } = this.sweep.make(this.step);
    this.step += 1;
    const { step } = this;
    this.readback.push(measured, accepted, (values) => {
      if (this.failure || this.abandoned) return;
      const milliseconds = this.record.log.took(begunAt);
      lanes.forEach((lane, i) => {
        const [loss, gradientNorm] = values.subarray(2 * i);
        const record = { lane, step, loss, gradientNorm, learningRate: learningRates[i], tokens: tokens[i] };
        // One that has ended meanwhile has nothing more to tell.
        if (!this.record.going.includes(lane)) return;
        const diagnosis = this.record.arrived(record, milliseconds);
        if (diagnosis) this.diverged(lane, step, diagnosis);
      });
      this.record.log.tellNowAndThen();
    });
  }

  /** Ends a lane whose numbers have flown off, and with the last of them the run. */
  private diverged(lane: number, step: number, diagnosis: Diagnosis): void {
    if (this.together.diverged(lane, step, diagnosis)) this.events.state?.(this.state);
    else this.failure = diagnosis;
  }

  private get validationDue(): boolean {
    return this.validationRows.length > 0 && this.record.validationDue(this.step);
  }

  /** Scores words before the first step, so that a person sees when the prompt passes them. */
  private async compare(): Promise<void> {
    if (!this.proving.due || this.request !== 'none') return;
    this.enter('validating');
    await this.abortable((signal) => this.proving.tell(this.together.best, signal));
  }

  /** Work that a command may give up; it is then made again on resuming. */
  private async abortable(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const abort = new AbortController();
    const { signal } = abort;
    this.validationAbort = abort;
    try {
      await work(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.validationAbort = null;
    }
  }

  private async validate(): Promise<void> {
    await this.readback.drained();
    if (this.failure || this.abandoned) return;
    this.record.log.tell();
    this.enter('validating');
    const { step, sweep } = this;
    const lanes = sweep.going;
    await this.abortable(async (signal) => {
      const prompts = lanes.map((lane) => sweep.snapshot(lane) as SoftPrompt);
      try {
        const evaluations = await evaluatePrompts(this.inputs.engine, prompts, this.inputs.data, {
          rows: this.validationRows,
          signal,
          onProgress: (done, total) => this.events.validationProgress?.(done, total),
        });
        const states = await sweep.read();
        if (this.abandoned) return;
        const records: ValidationRecord[] = [];
        lanes.forEach((lane, i) => {
          const prompt = states.get(lane)?.prompt as Float32Array;
          const record = this.record.validated(lane, step, evaluations[i], prompt);
          if ('message' in record) this.diverged(lane, step, record);
          else records.push(record);
        });
        if (this.failure) return;
        const ended = this.together.settle(this.settings, step);
        this.latest.put(this.together.joined(this.record.present(step, this.phase), states));
        for (const record of records) this.events.validation?.(record);
        if (ended) this.events.state?.(this.state);
        await this.proving.tell(this.together.best, signal);
        const present = this.together.presentPrompt(this.record.leader);
        await this.showing.answers(present, step, signal).finally(() => tensorOf(present).dispose());
      } finally {
        for (const prompt of prompts) tensorOf(prompt).dispose();
      }
    });
    if (this.request === 'none') this.enter('training');
  }

  /** Resolves when the prompt of a run at rest has been compared with words on all test rows, or that was interrupted. */
  judged(): Promise<void> {
    return this.unlessAbandoned(this.proving.settled());
  }

  /** Has all test rows asked about what the run has made so far, while it rests. */
  private judge(): void {
    if (this.phase === 'failed') return;
    this.proving.rest(
      async () => this.together.judgedAs(await this.result()),
      async (error) => {
        if (await this.inputs.deviceLost?.()) this.abandon();
        // What the run has made is none the worse for it.
        const { message, hint } = diagnoseError(error);
        if (!this.abandoned)
          this.events.state?.({ ...this.state, message: `${message} ${hint ?? ''}`.trim() });
      },
    );
  }

  /** Leaves the loop: from here on commands find the run at rest. */
  private rest(phase: RunPhase): void {
    this.record.stopClock();
    this.running = null;
    this.enter(phase);
    if (phase !== 'failed') this.tellNearest();
    // What broke off may go on from the checkpoint before; what diverged may not.
    if (!this.brokeOff) this.keep();
    this.judge();
  }

  private keep(): void {
    this.keptStep = this.step;
    this.keeper.keep(this.step, this.latest.take(this.step));
  }

  private capture(): Promise<Checkpoint | null> {
    return this.together.capture(this.step, this.phase, () => this.readback.drained());
  }

  private enter(phase: RunPhase): void {
    this.phase = phase;
    this.events.state?.(this.state);
  }

  /** Ends the run for what was thrown, or leaves it to be taken up where its device is lost. */
  private async broke(error: unknown): Promise<void> {
    if (this.abandoned || this.failure) return;
    if (await this.inputs.deviceLost?.()) this.abandon();
    if (this.abandoned || this.failure) return;
    this.brokeOff = true;
    this.failure = diagnoseError(error);
  }
}
