/** @file The learners of a run, one a lane: made or brought back, stepped together, read, and let go as their lanes end. */
import type { TokenExample } from '../../data/types';
import type { Engine, SoftPrompt, TrainingMemory } from '../../engine/engine';
import { Learner } from '../learner';
import { type MadeStep, StepMaker } from '../stepMaker';
import type { Checkpoint, LearnerStart, LearnerState, RunSettings } from '../types';
import type { LanePlan } from './lanes';

/** A lane before its first step. */
export interface Lane extends LanePlan {
  start: LearnerStart;
}

export interface SweepInputs {
  engine: Engine;
  training: readonly TokenExample[];
  settings: RunSettings;
  /** Of a fresh run, and of one that goes on. */
  lanes: readonly Lane[];
  checkpoint?: Checkpoint;
  parts?: number;
}

/** Owns the learners; dispose it. */
export class Sweep {
  private readonly learners = new Map<number, Learner>();
  private readonly steps: StepMaker;

  constructor({ engine, training, settings, lanes, checkpoint, parts }: SweepInputs) {
    lanes.forEach(({ settings: own, start }, lane) => {
      const kept = checkpoint?.lanes[lane];
      if (kept?.ended) return;
      const from = kept ?? start;
      const moments = kept && checkpoint && { ...kept, updates: checkpoint.step };
      this.learners.set(lane, new Learner(engine, own, from, settings, moments));
    });
    const learners = [...this.learners.values()];
    this.steps = new StepMaker({ engine, training, settings, learners, parts });
  }

  get memory(): TrainingMemory | null {
    return this.steps.memory;
  }

  get notes(): readonly string[] {
    return this.steps.notes;
  }

  get parts(): number {
    return this.steps.parts;
  }

  prepare(): Promise<void> {
    return this.steps.prepare();
  }

  divide(error: unknown): void {
    this.steps.divide(error);
  }

  /** Lanes that train. */
  get going(): number[] {
    return [...this.learners.keys()];
  }

  /** Queues an update of every lane that goes on; its numbers are in the order of `lanes`. */
  make(step: number): MadeStep & { lanes: number[] } {
    return { lanes: this.going, ...this.steps.make(step, [...this.learners.values()]) };
  }

  /** A lane's prompt of this moment; null where it has ended. The caller disposes the tensor. */
  snapshot(lane: number): SoftPrompt | null {
    return this.learners.get(lane)?.snapshot() ?? null;
  }

  /** Of the lanes that train, as they are now; later updates do not change what arrives. */
  async read(): Promise<Map<number, LearnerState>> {
    const reading = [...this.learners].map(async ([lane, learner]) => [lane, await learner.read()] as const);
    return new Map(await Promise.all(reading));
  }

  /** Lets a lane's learner go. */
  drop(lane: number): void {
    this.learners.get(lane)?.dispose();
    this.learners.delete(lane);
  }

  dispose(): void {
    for (const lane of this.going) this.drop(lane);
  }
}
