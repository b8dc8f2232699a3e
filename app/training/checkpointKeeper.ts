/** @file Saves checkpoints beside the training loop, one after the other, never holding it up. */
import type { CheckpointStore } from './checkpoint';
import type { Checkpoint } from './types';

export interface KeeperEvents {
  saved(step: number): void;
  notSaved(error: unknown): void;
}

/** Queue of saves in front of a store. */
export class CheckpointKeeper {
  private last: Promise<void> = Promise.resolve();
  private waiting = 0;

  constructor(
    private readonly store: Pick<CheckpointStore, 'save'> | undefined,
    private readonly events: Partial<KeeperEvents>,
    /** The step that is kept already. */
    private kept: number,
  ) {}

  /** The last step that was saved, or could not be: no use in waiting for it. */
  get settledStep(): number {
    return this.kept;
  }

  /** Whether a checkpoint is being taken or saved. */
  get busy(): boolean {
    return this.waiting > 0;
  }

  /** Saves what is being captured at this step, once the saves before it are done; null stands for a capture given up. */
  keep(step: number, capturing: Promise<Checkpoint | null>): void {
    this.waiting += 1;
    this.last = Promise.all([capturing, this.last])
      .then(async ([checkpoint]) => {
        if (!checkpoint || !this.store) return;
        await this.store.save(checkpoint);
        this.events.saved?.(checkpoint.step);
      })
      // A full disk or a private window must not end the run.
      .catch((error) => this.events.notSaved?.(error))
      .finally(() => {
        this.waiting -= 1;
        this.kept = Math.max(this.kept, step);
      });
  }

  /** Resolves when everything handed over so far is saved, or could not be. */
  settled(): Promise<void> {
    return this.last;
  }
}
