/** @file The lanes of a run as a whole: their records and their learners side by side, joined to checkpoints, led by one of them. */
import type { Engine, SoftPrompt } from '../../engine/engine';
import type { Diagnosis } from '../divergence';
import { kindOf, promptOf, rowWidth } from '../learner';
import type { JudgedPrompt } from '../proving';
import type { TrainedPrompt } from '../run';
import type { RunRecord } from '../runRecord';
import type { Checkpoint, RunPhase, RunSettings } from '../types';
import { ending } from './policy';
import type { Lane, Sweep } from './sweep';

export class RunLanes {
  constructor(
    private readonly engine: Engine,
    private readonly lanes: readonly Lane[],
    private readonly record: RunRecord,
    private readonly sweep: Sweep,
  ) {}

  /** A run that has made no step. */
  first(phase: RunPhase): Checkpoint {
    const present = this.record.present(0, phase);
    const lanes = present.lanes.map((lane, i) => {
      const { parameters, prompt } = this.lanes[i].start;
      const none = new Float32Array(parameters.length);
      return { ...lane, parameters, firstMoment: none, secondMoment: none, prompt };
    });
    return { ...present, lanes };
  }

  /** A checkpoint from what is on the host and what was read; lanes that have ended keep their best prompt. */
  joined(present: ReturnType<RunRecord['present']>, states: Awaited<ReturnType<Sweep['read']>>): Checkpoint {
    const lanes = present.lanes.map((lane, i) => ({
      ...lane,
      ...((lane.ended ? undefined : states.get(i)) ?? this.record.left(i)),
    }));
    return { ...present, lanes };
  }

  /**
   * The run as it is at this moment, once its numbers have arrived; null when a lane has flown off meanwhile.
   * @param step updates made
   * @param drained resolves when the numbers of these steps have arrived
   */
  async capture(step: number, phase: RunPhase, drained: () => Promise<void>): Promise<Checkpoint | null> {
    const { record, sweep } = this;
    const failed = phase === 'failed';
    // What will have changed by the time the numbers are here.
    const present = record.present(step, phase);
    const reached = failed ? record.steps : step;
    const [states] = await Promise.all([sweep.read(), failed ? undefined : drained()]);
    if (record.steps < reached) return null;
    // It may have been with the numbers of these very steps.
    if (record.going.length < present.lanes.filter(({ ended }) => !ended).length) return null;
    for (const [lane, { prompt }] of failed ? [] : states) record.reached(lane, reached, prompt);
    const steps = record.history.steps.filter((one) => one.step <= reached);
    const history = { ...present.history, steps };
    const checkpoint = this.joined({ ...present, step: reached, history }, states);
    if (!failed) return checkpoint;
    const lanes = checkpoint.lanes.map((lane, i) => ({ ...lane, prompt: record.goodOf(i) }));
    return { ...checkpoint, lanes };
  }

  /** The run's best prompt so far; null before the first validation. */
  get best(): JudgedPrompt | null {
    const { best, leader } = this.record;
    return best && this.judgedAs({ ...best, values: best.prompt, lane: leader });
  }

  /** Of every lane that was validated: the leader's first, then the lowest loss. */
  get bests(): (JudgedPrompt & { name: string })[] {
    const { leader } = this.record;
    const found = this.lanes.flatMap(({ name }, lane) => {
      const best = this.record.bestOf(lane);
      return best ? [{ name, lane, best }] : [];
    });
    return found
      .sort((a, b) => Number(b.lane === leader) - Number(a.lane === leader) || a.best.loss - b.best.loss)
      .map(({ name, lane, best }) => ({ name, ...this.judgedAs({ ...best, values: best.prompt, lane }) }));
  }

  /** A prompt with what is needed to judge it. */
  judgedAs({ values, lane, step }: Pick<TrainedPrompt, 'values' | 'lane' | 'step'>): JudgedPrompt {
    const { settings } = this.lanes[lane];
    return { values, lane, step, kind: kindOf(settings), width: rowWidth(this.engine, settings) };
  }

  /** A lane's prompt as it is now, or where the lane has ended as it was best. The caller disposes the tensor. */
  presentPrompt(lane: number): SoftPrompt {
    const now = this.sweep.snapshot(lane);
    if (now) return now;
    const { settings } = this.lanes[lane];
    return promptOf(kindOf(settings), this.record.left(lane).prompt, rowWidth(this.engine, settings));
  }

  /** Where the leader's prompt began. */
  get initialPrompt(): Float32Array {
    return this.lanes[this.record.leader].start.prompt;
  }

  /** Ends the lanes that are to end after the validation at this step; says whether there were any. */
  settle(settings: RunSettings, step: number): boolean {
    const ended = ending(settings, this.record.standings, step);
    for (const { lane, end } of ended) {
      this.record.end(lane, end);
      this.sweep.drop(lane);
    }
    return ended.length > 0;
  }

  /** Ends a lane whose numbers have flown off; false, and nothing is done, where it is the last one. */
  diverged(lane: number, step: number, { message }: Diagnosis): boolean {
    if (this.record.going.length === 1) return false;
    this.record.end(lane, { step, how: 'diverged', why: message });
    this.sweep.drop(lane);
    return true;
  }
}
