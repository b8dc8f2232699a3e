/**
 * @file The last state of a run whose numbers have arrived on the host: what the run is taken up from when its device is
 * lost. Checkpoints are made from the same captures.
 */
import type { Checkpoint } from './types';

/** Steps between two captures: so many, and those in flight, are made again at most. */
export const CAPTURE_EVERY = 4;

/** Takes captures one at a time, and remembers the newest. */
export class LatestState {
  private asked: number;
  private under: Promise<Checkpoint | null> | null = null;

  constructor(
    /** Where the run begins. */
    private newest: Checkpoint,
    private readonly capture: () => Promise<Checkpoint | null>,
  ) {
    this.asked = newest.step;
  }

  get checkpoint(): Checkpoint {
    return this.newest;
  }

  /** Asks for a capture when enough steps have been made since the last one was asked for, and that has arrived. */
  stepMade(step: number): void {
    if (this.under || step - this.asked < CAPTURE_EVERY) return;
    // What breaks here breaks the reading of the step's loss too, which is heard.
    this.take(step).catch(() => undefined);
  }

  /** The state at this step, which is the present one; null when the run has diverged. @throws what reading throws. */
  take(step: number): Promise<Checkpoint | null> {
    this.asked = step;
    const taking = this.capture().then((checkpoint) => {
      if (checkpoint) this.put(checkpoint);
      return checkpoint;
    });
    this.under = taking;
    const over = () => {
      if (this.under === taking) this.under = null;
    };
    taking.then(over, over);
    return taking;
  }

  /** A state that has been read otherwise. */
  put(checkpoint: Checkpoint): void {
    const { step, history } = this.newest;
    const newer =
      checkpoint.step - step || checkpoint.history.validations.length - history.validations.length;
    if (newer >= 0) this.newest = checkpoint;
  }
}
