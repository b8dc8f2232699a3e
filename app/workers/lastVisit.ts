/** @file The work of the last visit: found, brought back, let go. */
import type { Checkpoint } from '../training/types';
import type { DatasetSlot, OpenedDataset } from './datasetSlot';
import { reportOf } from './datasetSlot';
import { IN_USE } from './datasetStore';
import type { ModelSlot } from './modelSlot';
import type { Platform } from './platform';
import type { DatasetReport, SavedWork } from './protocol';
import type { Recovery } from './recovery';
import type { RunSlot } from './runSlot';
import type { Turns } from './turns';

export interface LastVisitContext {
  turns: Turns;
  store: Awaited<ReturnType<Platform['openRunStore']>>;
  data: DatasetSlot;
  models: ModelSlot;
  runs: RunSlot;
  recovery: Recovery;
}

/** What has been read of it, and which kept run it was: another may be the last by the time it is put in place. */
interface ReadWork {
  runId: string | null;
  checkpoint: Checkpoint | null;
  opened: OpenedDataset | null;
}

export class LastVisit {
  constructor(private readonly context: LastVisitContext) {}

  async saved(): Promise<SavedWork> {
    const { data } = this.context;
    const last = await this.last();
    const dataset = await data.stored(last?.runId ?? IN_USE);
    const run = last && { runId: last.runId, step: last.step, steps: last.steps, phase: last.phase };
    return { dataset: dataset?.name ?? null, run };
  }

  /** The dataset and the run, both or neither. @throws TrainingError where they do not fit the model in use */
  async restore(): Promise<{ dataset: DatasetReport | null; runId: string | null }> {
    const { turns, models, recovery } = this.context;
    const patience = new AbortController().signal;
    for (;;) {
      const work = await this.read();
      await models.settled(patience);
      const done = await turns.take(() => recovery.guard(() => this.put(work)));
      if (done) return done;
    }
  }

  /** Lets go of all kept runs but the present one, and of data that nothing uses. In a turn. */
  async discard(): Promise<void> {
    const { store, data, runs } = this.context;
    const present = runs.current?.trainer.runId;
    for (const { runId } of (await store?.list()) ?? []) {
      if (runId === present) continue;
      await store?.remove(runId);
      data.forget(runId);
    }
    if (!data.current) data.forget(IN_USE);
  }

  private async read(): Promise<ReadWork> {
    const { store, data } = this.context;
    const runId = (await this.last())?.runId ?? null;
    const stored = await data.stored(runId ?? IN_USE);
    const opened = stored && (await data.readStored(stored));
    const checkpoint = runId === null ? null : ((await store?.load(runId)) ?? null);
    return { runId, checkpoint, opened };
  }

  /** In a turn. Null where another run is the last by now. */
  private async put({ runId, checkpoint, opened }: ReadWork) {
    const { data, models, runs } = this.context;
    runs.refuseBusy();
    if (((await this.last())?.runId ?? null) !== runId) return null;
    if (!opened) return { dataset: null, runId: null };
    const model = models.get();
    const prepared = await data.prepare(opened, model);
    if (!checkpoint) return { dataset: data.use(prepared), runId: null };
    const { trainer } = await runs.restore(checkpoint, model, prepared);
    data.use(prepared);
    void trainer.announce();
    return { dataset: reportOf(prepared), runId };
  }

  private async last() {
    return (await this.context.store?.list())?.[0] ?? null;
  }
}
