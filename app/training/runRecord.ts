/** @file What a run has to show so far: of every lane its records and best prompt, of all the time spent. */
import { type Diagnosis, DivergenceWatch } from './divergence';
import type { Evaluation } from './evaluate';
import type { TrainedPrompt } from './run';
import { StepLog } from './stepLog';
import { type LaneStanding, leading } from './sweep/policy';
import type {
  BestPrompt,
  Checkpoint,
  LaneEnd,
  LaneReport,
  LaneState,
  LearnerState,
  RunHistory,
  RunPhase,
  StepRecord,
  ValidationRecord,
} from './types';

/** What stays the same of a lane from a run's first checkpoint to its last. */
export type FixedLane = Pick<LaneState, 'name' | 'settings' | 'constants' | 'frame' | 'initialPrompt'>;

/** What stays the same of a run. */
export interface FixedRun extends Pick<Checkpoint, 'runId' | 'modelKey' | 'dataHash' | 'settings'> {
  lanes: readonly FixedLane[];
}

/** What is known of one lane. */
interface LaneRecord {
  ended: LaneEnd | null;
  best: BestPrompt | null;
  /** The last prompt known to be better than the start: what a lane leaves that diverges before its first validation. */
  lastGood: { prompt: Float32Array; step: number };
  divergence: DivergenceWatch;
  validations: ValidationRecord[];
}

export class RunRecord {
  readonly log: StepLog;
  /** The lane that the person has taken; null leaves it to the records. */
  chosen: number | null;
  /** Why the run ends before its last step. */
  endedEarly: string | null;
  private readonly validations: ValidationRecord[];
  private readonly lanes: LaneRecord[];
  /** Milliseconds of training before the stretch that runs now, and when that began. */
  private spent: number;
  private begunAt: number | null = null;

  constructor(
    private readonly fixed: FixedRun,
    checkpoint: Checkpoint | undefined,
    tell: (records: StepRecord[]) => void,
  ) {
    this.spent = checkpoint?.elapsed ?? 0;
    this.chosen = checkpoint?.chosen ?? null;
    this.endedEarly = checkpoint?.endedEarly ?? null;
    this.validations = checkpoint?.history.validations.slice() ?? [];
    this.log = new StepLog(checkpoint?.history.steps.slice() ?? [], tell);
    this.lanes = fixed.lanes.map(({ settings, initialPrompt }, lane) => {
      const kept = checkpoint?.lanes[lane];
      return {
        ended: kept?.ended ?? null,
        best: kept?.best ?? null,
        lastGood: { prompt: kept?.prompt ?? initialPrompt, step: checkpoint?.step ?? 0 },
        divergence: new DivergenceWatch({ ...fixed.settings, learningRate: settings.learningRate }),
        validations: this.validations.filter((record) => record.lane === lane),
      };
    });
    for (const record of this.log.records) this.lanes[record.lane].divergence.watch(record);
  }

  /** Steps whose numbers have arrived. */
  get steps(): number {
    return this.log.records.at(-1)?.step ?? 0;
  }

  /** All records so far; they grow with the run. */
  get history(): RunHistory {
    return { steps: this.log.records, validations: this.validations };
  }

  /** Lanes that train on. */
  get going(): number[] {
    return this.lanes.flatMap(({ ended }, lane) => (ended ? [] : [lane]));
  }

  /** The lane whose best prompt is the run's. */
  get leader(): number {
    if (this.chosen !== null) return this.chosen;
    const standing = this.lanes.map(({ best }, lane) => {
      const { virtualTokens } = this.fixed.lanes[lane].settings;
      return { lane, virtualTokens, best };
    });
    return leading(standing) ?? this.going[0] ?? 0;
  }

  /** The leader's best prompt; null before the first validation. */
  get best(): BestPrompt | null {
    return this.lanes[this.leader].best;
  }

  /** What the leader leaves where it diverged before any validation. */
  get lastGood(): TrainedPrompt {
    const { prompt, step } = this.lanes[this.leader].lastGood;
    return { values: prompt, step, loss: null, lane: this.leader };
  }

  bestOf(lane: number): BestPrompt | null {
    return this.lanes[lane].best;
  }

  get standings(): LaneStanding[] {
    return this.lanes.map(({ ended, validations }, lane) => {
      const { virtualTokens } = this.fixed.lanes[lane].settings;
      return { lane, virtualTokens, going: !ended, validations };
    });
  }

  get reports(): LaneReport[] {
    return this.lanes.map(({ ended, validations }, lane) => {
      const { name, settings } = this.fixed.lanes[lane];
      const best = validations.findLast((record) => record.best);
      return {
        lane,
        name,
        settings,
        ended,
        best: best ? { step: best.step, loss: best.loss, accuracy: best.accuracy, exact: best.exact } : null,
      };
    });
  }

  end(lane: number, end: LaneEnd): void {
    this.lanes[lane].ended ??= end;
  }

  /** Whether a step asks for a validation that has not been made. */
  validationDue(step: number): boolean {
    const { validateEvery, steps } = this.fixed.settings;
    const asked = step > 0 && (step % validateEvery === 0 || step === steps || this.endedEarly !== null);
    return asked && this.validations.at(-1)?.step !== step;
  }

  /** Takes a lane's record of the next step; says what is wrong when the lane has diverged. */
  arrived(record: Omit<StepRecord, 'milliseconds'>, milliseconds: number): Diagnosis | null {
    const diagnosis = this.lanes[record.lane].divergence.watch(record);
    // Numbers that are none have no place on a curve.
    if (Number.isFinite(record.loss) && Number.isFinite(record.gradientNorm)) {
      this.log.add({ ...record, milliseconds });
    }
    return diagnosis;
  }

  /** Takes a validation of a lane's prompt; says what is wrong when its loss is no number. */
  validated(
    lane: number,
    step: number,
    evaluation: Evaluation,
    prompt: Float32Array,
  ): ValidationRecord | Diagnosis {
    const own = this.lanes[lane];
    const diagnosis = own.divergence.validated(step, evaluation.loss);
    if (diagnosis) return diagnosis;
    const { loss, error } = evaluation;
    const best = !own.best || loss < own.best.loss;
    if (best) own.best = { step, loss, error, prompt };
    const record = { lane, step, ...evaluation, best };
    own.validations.push(record);
    this.validations.push(record);
    return record;
  }

  /** Takes a lane's prompt of a step whose records have all arrived. */
  reached(lane: number, step: number, prompt: Float32Array): void {
    const own = this.lanes[lane];
    if (own.divergence.improving) own.lastGood = { prompt, step };
  }

  /** All of a checkpoint that is on the host; the records of steps under way are not in it yet. */
  present(
    step: number,
    phase: RunPhase,
  ): Omit<Checkpoint, 'lanes'> & { lanes: Omit<LaneState, keyof LearnerState>[] } {
    const { runId, modelKey, dataHash, settings, lanes } = this.fixed;
    const { elapsed, chosen, endedEarly } = this;
    const history = { steps: this.log.records.slice(), validations: this.validations.slice() };
    return {
      runId,
      modelKey,
      dataHash,
      settings,
      step,
      phase,
      chosen,
      endedEarly,
      history,
      elapsed,
      lanes: lanes.map(({ name, settings, constants, frame, initialPrompt }, lane) => {
        const { ended, best } = this.lanes[lane];
        return { name, settings, constants, frame, initialPrompt, ended, best };
      }),
    };
  }

  /** A lane's state to keep where its numbers were not read: one that has ended needs only its best prompt. */
  left(lane: number): LearnerState {
    const none = new Float32Array(0);
    const { best, lastGood } = this.lanes[lane];
    return {
      parameters: none,
      firstMoment: none,
      secondMoment: none,
      prompt: best?.prompt ?? lastGood.prompt,
    };
  }

  /** What a lane had that was better than its start. */
  goodOf(lane: number): Float32Array {
    return this.lanes[lane].lastGood.prompt;
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
