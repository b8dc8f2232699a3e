/** @file The work of the last visit: found, brought back, let go. */
import type { Checkpoint } from '../training/types';
import type { DatasetSlot, OpenedDataset } from './datasetSlot';
import { reportOf } from './datasetSlot';
import { IN_USE } from './datasetStore';
import { StudioRequestError } from './errors';
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
    if (!last) return { dataset: dataset?.name ?? null, run: null };
    const { runId, step, steps, phase, elsewhere } = last;
    return { dataset: dataset?.name ?? null, run: { runId, step, steps, phase, elsewhere } };
  }

  /**
   * The dataset and the run, both or neither.
   * @param asked the kept run that is meant, the last one where it is absent, none but the dataset in use where it is null
   * @throws TrainingError where they do not fit the model in use; StudioRequestError where another tab goes on with the run
   */
  async restore(asked?: string | null): Promise<{ dataset: DatasetReport | null; runId: string | null }> {
    const { turns, models, recovery } = this.context;
    const patience = new AbortController().signal;
    for (;;) {
      const work = await this.read(asked);
      await models.settled(patience);
      const done = await turns.take(() => recovery.guard(() => this.put(work, asked)));
      if (done) return done;
    }
  }

  /** Lets go of all kept runs but the present one, and of data that nothing uses. In a turn. */
  async discard(): Promise<void> {
    const { store, data, runs } = this.context;
    const present = runs.current?.trainer.runId;
    for (const { runId } of (await store?.list()) ?? []) {
      if (runId === present) continue;
      if (await store?.remove(runId)) data.forget(runId);
    }
    if (!data.current) data.forget(IN_USE);
  }

  private async read(asked?: string | null): Promise<ReadWork> {
    const { store, data } = this.context;
    const runId = await this.meant(asked);
    const stored = await data.stored(runId ?? IN_USE);
    const opened = stored && (await data.readStored(stored));
    const checkpoint = runId === null ? null : ((await store?.load(runId)) ?? null);
    return { runId, checkpoint, opened };
  }

  /** In a turn. Null where another run is meant by now. */
  private async put({ runId, checkpoint, opened }: ReadWork, asked?: string | null) {
    const { data, models, runs } = this.context;
    runs.refuseBusy();
    if ((await this.meant(asked)) !== runId) return null;
    // Before anything is replaced: the run may be open in another tab.
    if (checkpoint) await runs.claim(checkpoint.runId);
    const model = models.get();
    if (checkpoint && !opened) {
      if (data.current?.dataset.report.hash !== checkpoint.dataHash) {
        throw new StudioRequestError(
          'The dataset of this run could not be kept with it.',
          'Open the same file with the same options, then press Continue again.',
        );
      }
      const { trainer } = await runs.restore(checkpoint, model, await data.for(model));
      void trainer.announce();
      return { dataset: null, runId };
    }
    if (!opened) return { dataset: null, runId: null };
    const prepared = await data.prepare(opened, model);
    if (!checkpoint) return { dataset: data.use(prepared), runId: null };
    const { trainer } = await runs.restore(checkpoint, model, prepared);
    data.use(prepared);
    void trainer.announce();
    return { dataset: reportOf(prepared), runId };
  }

  /** The kept run that is meant; null for none. */
  private async meant(asked?: string | null): Promise<string | null> {
    if (asked === undefined) return (await this.last())?.runId ?? null;
    const kept = (await this.context.store?.list()) ?? [];
    return kept.find(({ runId }) => runId === asked)?.runId ?? null;
  }

  private async last() {
    return (await this.context.store?.list())?.[0] ?? null;
  }
}
