/** @file The records of a run's steps: timed as they arrive from the device, told in groups. */
import type { StepRecord } from './types';

/** Records are told at most so often. */
const TELL_EVERY_MS = 50;

/** Collects records in order of their steps. */
export class StepLog {
  private untold: StepRecord[] = [];
  private toldAt = Number.NEGATIVE_INFINITY;
  private arrivedAt = Number.NEGATIVE_INFINITY;

  /** `records` is the run's history, which grows. */
  constructor(
    readonly records: StepRecord[],
    private readonly tellRecords: (records: StepRecord[]) => void,
  ) {}

  /**
   * Milliseconds of a step whose numbers have just arrived. Steps overlap on the device: a step is given the time since the one
   * before arrived, or since it was begun (`begunAt`, milliseconds of `performance.now`) if that is later.
   */
  took(begunAt: number): number {
    const now = performance.now();
    const milliseconds = now - Math.max(begunAt, this.arrivedAt);
    this.arrivedAt = now;
    return milliseconds;
  }

  /** Adds a record; it is told with all of its step, by `tellNowAndThen`. */
  add(record: StepRecord): void {
    this.records.push(record);
    this.untold.push(record);
  }

  /** Tells what has not been told, unless something was a moment ago. To be called between steps: a step is told whole. */
  tellNowAndThen(): void {
    if (performance.now() - this.toldAt >= TELL_EVERY_MS) this.tell();
  }

  /** Tells what has not been told. */
  tell(): void {
    if (this.untold.length === 0) return;
    this.tellRecords(this.untold);
    this.untold = [];
    this.toldAt = performance.now();
  }
}
