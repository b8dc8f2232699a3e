/**
 * @file Checkpoints in the browser's database. A save is one transaction, and would be whole even if half of it were
 * written: pieces of history are added and never changed, and the run's row, which names its pieces, comes after them.
 * So saving stays as cheap at step 10,000 as at step 20.
 */
import type { DBSchema, IDBPDatabase, IDBPTransaction } from 'idb';
import type { CheckpointStore, CheckpointSummary } from './checkpoint';
import { Database } from './database';
import { TrainingError } from './errors';
import { type LockManagerLike, RunLocks } from './runLocks';
import {
  assemble,
  CHECKPOINT_VERSION,
  continues,
  type HistoryPiece,
  type StoredCheckpoint,
  upToDate,
} from './storedCheckpoint';
import type { Checkpoint } from './types';

interface CheckpointDatabase extends DBSchema {
  /** Of any version. */
  runs: { key: string; value: { runId: string }; indexes: { order: number } };
  history: { key: [string, number]; value: HistoryPiece };
  /** The tab that works on a run. */
  leases: { key: string; value: { runId: string; tab: string } };
}

type Stores = ['runs', 'history', 'leases'];
type Writing = IDBPTransaction<CheckpointDatabase, Stores, 'readwrite'>;

/** Of the stores, not of what is in them. */
const DATABASE_VERSION = 2;
/** The worker of a page that was reloaded may take a moment to end. */
const PATIENCE = 1000;

export interface CheckpointStoreOptions {
  name?: string;
  /** The browser's `navigator.locks`; null where there are none. Then the tab that opened a run last has it. */
  locks?: LockManagerLike | null;
  /** Milliseconds to wait for a run that another tab works on. */
  patience?: number;
}

/** Opens the store, and makes it where there is none. @throws what IndexedDB throws where it is not to be had. */
export async function openCheckpointStore({
  name = 'soft-prompt-studio-runs',
  locks = null,
  patience = PATIENCE,
}: CheckpointStoreOptions = {}): Promise<CheckpointStore> {
  const database = await Database.open<CheckpointDatabase>({
    name,
    version: DATABASE_VERSION,
    holds: 'Saved runs',
    async upgrade(db, before, _after, transaction) {
      if (before < 1) {
        db.createObjectStore('runs', { keyPath: 'runId' });
        db.createObjectStore('history', { keyPath: ['runId', 'piece'] });
      }
      db.createObjectStore('leases', { keyPath: 'runId' });
      const runs = transaction.objectStore('runs');
      runs.createIndex('order', 'order');
      // Before version 2 the clock said which run was the last.
      const rows = (await runs.getAll()) as { runId: string; savedAt?: number }[];
      rows.sort((a, b) => (a.savedAt ?? 0) - (b.savedAt ?? 0));
      await Promise.all(rows.map((row, index) => runs.put({ ...row, order: index + 1 } as typeof row)));
    },
  });
  return new DatabaseStore(database, new RunLocks(locks, patience));
}

class DatabaseStore implements CheckpointStore {
  private readonly tab = crypto.getRandomValues(new Uint32Array(2)).join('-');
  /** Runs whose lease was written for this tab: one that says otherwise now was taken over. */
  private readonly leased = new Set<string>();
  private changed: () => void = () => undefined;

  constructor(
    private readonly database: Database<CheckpointDatabase>,
    private readonly locks: RunLocks,
  ) {}

  onChange(listener: () => void): void {
    this.database.onChange = listener;
    this.changed = listener;
  }

  async claim(runId: string): Promise<boolean> {
    if (!(await this.locks.take(runId))) return false;
    try {
      await (await this.database.get()).put('leases', { runId, tab: this.tab });
      this.leased.add(runId);
    } catch {
      // A store that cannot be written to now keeps nobody from training; the first save takes the lease.
    }
    return true;
  }

  release(runId: string): void {
    this.leased.delete(runId);
    this.locks.release(runId);
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    const database = await this.database.get();
    await inOne(database, (transaction) => this.write(transaction, checkpoint));
    this.leased.add(checkpoint.runId);
  }

  private async write(transaction: Writing, checkpoint: Checkpoint): Promise<void> {
    const { history, ...rest } = checkpoint;
    const { runId } = rest;
    const runs = transaction.objectStore('runs');
    const pieces = transaction.objectStore('history');
    const leases = transaction.objectStore('leases');
    const lease = await leases.get(runId);
    if (lease && lease.tab !== this.tab && this.leased.has(runId)) throw takenOver();
    await leases.put({ runId, tab: this.tab });
    const last = known(await runs.get(runId));
    const newest = await runs.index('order').openKeyCursor(null, 'prev');
    const lastPiece = (await pieces.openKeyCursor(everyPiece(runId), 'prev'))?.key[1] ?? -1;

    const before = last && continues(last, history) ? last : null;
    const steps = history.steps.slice(before?.stepRecords ?? 0);
    const validations = history.validations.slice(before?.validationRecords ?? 0);
    const isNew = steps.length > 0 || validations.length > 0;
    const kept = before?.pieces ?? 0;
    const next = before ? before.firstPiece + kept : lastPiece + 1;
    const row: StoredCheckpoint = {
      ...rest,
      version: CHECKPOINT_VERSION,
      order: ((newest?.key as number | undefined) ?? 0) + 1,
      savedAt: Date.now(),
      stepRecords: history.steps.length,
      validationRecords: history.validations.length,
      lastStep: history.steps.at(-1) ?? null,
      lastValidation: history.validations.at(-1) ?? null,
      firstPiece: before?.firstPiece ?? next,
      pieces: kept + (isNew ? 1 : 0),
    };
    if (isNew) await pieces.put({ runId, piece: next, steps, validations });
    await runs.put(row);
    // What belonged to another course of the run, or to a save that broke off.
    if (!before && next > 0) await pieces.delete(piecesOf(runId, 0, next));
  }

  async load(runId: string): Promise<Checkpoint | null> {
    const database = await this.database.get();
    const transaction = database.transaction(['runs', 'history']);
    const row = await transaction.objectStore('runs').get(runId);
    if (!row) return null;
    const stored = upToDate(row);
    const { firstPiece, pieces } = stored;
    if (pieces === 0) return assemble(stored, []);
    const own = piecesOf(runId, firstPiece, firstPiece + (pieces ?? Number.MAX_SAFE_INTEGER));
    return assemble(stored, await transaction.objectStore('history').getAll(own));
  }

  async remove(runId: string): Promise<boolean> {
    if ((await this.locks.elsewhere()).has(runId)) return false;
    const database = await this.database.get();
    await inOne(database, async (transaction) => {
      await transaction.objectStore('runs').delete(runId);
      await transaction.objectStore('history').delete(everyPiece(runId));
      await transaction.objectStore('leases').delete(runId);
    });
    return true;
  }

  async list(): Promise<CheckpointSummary[]> {
    const database = await this.database.get();
    const [rows, elsewhere] = await Promise.all([database.getAll('runs'), this.locks.elsewhere()]);
    for (const runId of elsewhere) this.locks.whenFree(runId, () => this.changed());
    return rows
      .flatMap((row) => known(row) ?? [])
      .sort((a, b) => b.order - a.order)
      .map(({ runId, modelKey, dataHash, step, settings, phase, savedAt }) => {
        const { steps } = settings;
        return { runId, modelKey, dataHash, step, steps, phase, savedAt, elsewhere: elsewhere.has(runId) };
      });
  }
}

/** Does all of some work on the database, or nothing of it. @throws TrainingError in words when nothing was done */
async function inOne(
  database: IDBPDatabase<CheckpointDatabase>,
  work: (transaction: Writing) => Promise<void>,
): Promise<void> {
  let transaction: Writing;
  try {
    transaction = database.transaction(['runs', 'history', 'leases'], 'readwrite');
  } catch (error) {
    throw inWords(error);
  }
  // Heard where it is awaited; work that throws comes before.
  const done = transaction.done.then(
    () => null,
    (error: unknown) => error,
  );
  try {
    await work(transaction);
  } catch (error) {
    // Left alone it would commit what was written before the fault.
    try {
      transaction.abort();
    } catch {
      // It has ended by itself, for a reason that says more.
    }
    const reason = await done;
    throw inWords(isAbort(error) && reason ? reason : error);
  }
  const reason = await done;
  if (reason) throw inWords(reason);
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

function inWords(error: unknown): TrainingError {
  if (error instanceof TrainingError) return error;
  const name = error instanceof Error ? error.name : '';
  if (name === 'QuotaExceededError') {
    return new TrainingError(
      'The browser has no room left for this page, so the last steps are not saved; what was saved before stays.',
      'Training goes on. Delete models that you do not need under “On this machine”, or download the prompt at the end.',
      { cause: error },
    );
  }
  return new TrainingError(
    'The browser could not save the last steps; what was saved before stays.',
    'Training goes on. Download the prompt at the end to keep it.',
    { cause: error },
  );
}

function takenOver(): TrainingError {
  return new TrainingError(
    'This run was opened in another tab, which keeps it from now on: what is trained here is not saved.',
    'Stop it here, or download the prompt to keep what it has learned.',
  );
}

/** A stored run that can be read; null for one that cannot, which stays where it is. */
function known(row: unknown): StoredCheckpoint | null {
  try {
    return row === undefined ? null : upToDate(row);
  } catch {
    return null;
  }
}

function everyPiece(runId: string): IDBKeyRange {
  return piecesOf(runId, 0, Number.MAX_SAFE_INTEGER);
}

/** Pieces of a run's history from one number to before another, which is higher. */
function piecesOf(runId: string, from: number, before: number): IDBKeyRange {
  return IDBKeyRange.bound([runId, from], [runId, before], false, true);
}
