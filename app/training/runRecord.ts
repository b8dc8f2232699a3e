/** @file What a run has to show so far: step records, validations, its best prompt, the time spent. */
import { type Diagnosis, DivergenceWatch } from './divergence';
import type { Evaluation } from './evaluate';
import type { TrainedPrompt } from './run';
import { StepLog } from './stepLog';
import type { PromptState } from './stepMaker';
import type { Checkpoint, RunHistory, RunPhase, StepRecord, ValidationRecord } from './types';

/** What stays the same from a run's first checkpoint to its last. */
export type FixedPart = Pick<Checkpoint, 'runId' | 'modelKey' | 'dataHash' | 'settings' | 'initialPrompt'>;

export class RunRecord {
  best: Checkpoint['best'];
  /** The last prompt known to be better than the start: what a run leaves that diverges before its first validation. */
  lastGood: TrainedPrompt;
  readonly log: StepLog;
  private readonly validations: ValidationRecord[];
  private readonly divergence: DivergenceWatch;
  /** Milliseconds of training before the stretch that runs now, and when that began. */
  private spent: number;
  private begunAt: number | null = null;

  constructor(
    private readonly fixed: FixedPart,
    checkpoint: Checkpoint | undefined,
    tell: (records: StepRecord[]) => void,
  ) {
    const { settings, initialPrompt } = fixed;
    this.best = checkpoint?.best ?? null;
    this.lastGood = {
      values: checkpoint?.prompt ?? initialPrompt,
      step: checkpoint?.step ?? 0,
      loss: null,
    };
    this.spent = checkpoint?.elapsed ?? 0;
    this.validations = checkpoint?.history.validations.slice() ?? [];
    this.log = new StepLog(checkpoint?.history.steps.slice() ?? [], tell);
    this.divergence = new DivergenceWatch(settings);
    for (const record of this.log.records) this.divergence.watch(record);
  }

  /** Steps whose numbers have arrived. */
  get steps(): number {
    return this.log.records.length;
  }

  /** All records so far; they grow with the run. */
  get history(): RunHistory {
    return { steps: this.log.records, validations: this.validations };
  }

  /** Whether a step asks for a validation that has not been made. */
  validationDue(step: number): boolean {
    const { validateEvery, steps } = this.fixed.settings;
    const asked = step > 0 && (step % validateEvery === 0 || step === steps);
    return asked && this.validations.at(-1)?.step !== step;
  }

  /** Takes the record of the next step; says what is wrong when the run has diverged. */
  arrived(record: Omit<StepRecord, 'milliseconds'>, begunAt: number): Diagnosis | null {
    const diagnosis = this.divergence.watch(record);
    // Numbers that are none have no place on a curve.
    if (Number.isFinite(record.loss) && Number.isFinite(record.gradientNorm)) this.log.add(record, begunAt);
    return diagnosis;
  }

  /** Takes a validation of this prompt; says what is wrong when its loss is no number. */
  validated(step: number, evaluation: Evaluation, prompt: Float32Array): ValidationRecord | Diagnosis {
    const diagnosis = this.divergence.validated(step, evaluation.loss);
    if (diagnosis) return diagnosis;
    const best = !this.best || evaluation.loss < this.best.loss;
    if (best) this.best = { step, loss: evaluation.loss, prompt };
    const record = { step, ...evaluation, best };
    this.validations.push(record);
    return record;
  }

  /** Takes the prompt of a step whose records have all arrived. */
  reached(step: number, prompt: Float32Array): void {
    if (this.divergence.improving) this.lastGood = { values: prompt, step, loss: null };
  }

  /** All of a checkpoint that is on the host; the records of steps under way are not in it yet. */
  present(step: number, phase: RunPhase): Omit<Checkpoint, keyof PromptState> {
    const { runId, modelKey, dataHash, settings, initialPrompt } = this.fixed;
    const { best, elapsed } = this;
    const history = { steps: this.log.records.slice(), validations: this.validations.slice() };
    return { runId, modelKey, dataHash, settings, initialPrompt, step, phase, best, history, elapsed };
  }

  /** Milliseconds of training so far. */
  get elapsed(): number {
    return this.spent + (this.begunAt === null ? 0 : performance.now() - this.begunAt);
  }

  startClock(): void {
    this.begunAt = performance.now();
  }

  stopClock(): void {
    this.spent = this.elapsed;
    this.begunAt = null;
  }
}
