/**
 * @file Checkpoints in the browser's database. History is written in pieces, each save adding what is new,
 * so that saving stays as cheap at step 10,000 as at step 20.
 */
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { CheckpointStore, CheckpointSummary } from './checkpoint';
import type { Checkpoint, RunHistory } from './types';

/** A checkpoint without its history, of which it says how much there is. */
interface RunRow extends Omit<Checkpoint, 'history'> {
  savedAt: number;
  stepRecords: number;
  validationRecords: number;
}

/** Part of a run's history; `piece` counts from 0. */
interface HistoryRow extends RunHistory {
  runId: string;
  piece: number;
}

interface CheckpointDatabase extends DBSchema {
  runs: { key: string; value: RunRow };
  history: { key: [string, number]; value: HistoryRow };
}

const VERSION = 1;

/** Opens the store, and makes it where there is none. @throws what IndexedDB throws where it is not to be had. */
export async function openCheckpointStore(name = 'soft-prompt-studio-runs'): Promise<CheckpointStore> {
  const database = await openDB<CheckpointDatabase>(name, VERSION, {
    upgrade(db) {
      db.createObjectStore('runs', { keyPath: 'runId' });
      db.createObjectStore('history', { keyPath: ['runId', 'piece'] });
    },
  });
  return new DatabaseStore(database);
}

class DatabaseStore implements CheckpointStore {
  constructor(private readonly database: IDBPDatabase<CheckpointDatabase>) {}

  async save(checkpoint: Checkpoint): Promise<void> {
    const { history, ...rest } = checkpoint;
    // One transaction: a tab that is closed meanwhile leaves the checkpoint before.
    const transaction = this.database.transaction(['runs', 'history'], 'readwrite');
    const runs = transaction.objectStore('runs');
    const pieces = transaction.objectStore('history');
    const last = await runs.get(checkpoint.runId);
    const steps = last?.stepRecords ?? 0;
    const validations = last?.validationRecords ?? 0;
    // A run that went on from an earlier checkpoint has another history than the one kept.
    const rewound = steps > history.steps.length || validations > history.validations.length;
    if (rewound) await pieces.delete(everyPiece(checkpoint.runId));
    const added = rewound
      ? history
      : { steps: history.steps.slice(steps), validations: history.validations.slice(validations) };
    const lastKey = (await pieces.openKeyCursor(everyPiece(checkpoint.runId), 'prev'))?.key;
    const piece = { runId: checkpoint.runId, piece: lastKey ? lastKey[1] + 1 : 0, ...added };
    const row = {
      ...rest,
      savedAt: Date.now(),
      stepRecords: history.steps.length,
      validationRecords: history.validations.length,
    };
    const isNew = added.steps.length > 0 || added.validations.length > 0;
    await Promise.all([isNew && pieces.put(piece), runs.put(row), transaction.done]);
  }

  async load(runId: string): Promise<Checkpoint | null> {
    const transaction = this.database.transaction(['runs', 'history']);
    const row = await transaction.objectStore('runs').get(runId);
    if (!row) return null;
    const pieces = await transaction.objectStore('history').getAll(everyPiece(runId));
    const { savedAt: _savedAt, stepRecords: _steps, validationRecords: _validations, ...rest } = row;
    return {
      ...rest,
      history: {
        steps: pieces.flatMap((piece) => piece.steps),
        validations: pieces.flatMap((piece) => piece.validations),
      },
    };
  }

  async remove(runId: string): Promise<void> {
    const transaction = this.database.transaction(['runs', 'history'], 'readwrite');
    await Promise.all([
      transaction.objectStore('runs').delete(runId),
      transaction.objectStore('history').delete(everyPiece(runId)),
      transaction.done,
    ]);
  }

  async list(): Promise<CheckpointSummary[]> {
    const rows = await this.database.getAll('runs');
    return rows
      .map(({ runId, modelKey, dataHash, step, settings, phase, savedAt }) => {
        return { runId, modelKey, dataHash, step, steps: settings.steps, phase, savedAt };
      })
      .sort((a, b) => b.savedAt - a.savedAt);
  }
}

function everyPiece(runId: string): IDBKeyRange {
  return IDBKeyRange.bound([runId, 0], [runId, Number.MAX_SAFE_INTEGER]);
}
