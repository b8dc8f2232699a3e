/** @file Runs that earlier versions of the page have saved go on as if nothing had happened. */
import 'fake-indexeddb/auto';
import { readFileSync } from 'node:fs';
import { type IDBPDatabase, openDB } from 'idb';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../app/engine/engine';
import { openCheckpointStore } from '../../app/training/checkpointStore';
import { assemble, type HistoryPiece, upToDate } from '../../app/training/storedCheckpoint';
import { Trainer } from '../../app/training/trainer';
import type { Checkpoint } from '../../app/training/types';
import { startNodeBackend } from '../../tools/node/backend';
import { timeless, tinyEngine, tinyInputs } from './trainingFixture';

interface Dump {
  database: { version: number; stores: { runs: { runId: string }[]; history: object[] } };
}

/** What a version of the page has left. Floats come back from their base64. */
function dumpOf(version: number): Dump {
  return JSON.parse(
    readFileSync(new URL(`../fixtures/runs/database${version}.json`, import.meta.url), 'utf8'),
    (_key, value) =>
      value?.float32 === undefined
        ? value
        : new Float32Array(Uint8Array.from(Buffer.from(value.float32, 'base64')).buffer),
  ) as Dump;
}

const dump = dumpOf(1);

let names = 0;

/** A database as version 1 made it, with what it had saved. */
async function database1(): Promise<string> {
  const name = `migration-test-${names++}`;
  const old: IDBPDatabase = await openDB(name, dump.database.version, {
    upgrade(db) {
      db.createObjectStore('runs', { keyPath: 'runId' });
      db.createObjectStore('history', { keyPath: ['runId', 'piece'] });
    },
  });
  for (const row of dump.database.stores.runs) await old.put('runs', row);
  for (const row of dump.database.stores.history) await old.put('history', row);
  old.close();
  return name;
}

describe('a run saved by version 1', () => {
  let engine: Engine;
  let whole: Checkpoint;
  beforeAll(async () => {
    await startNodeBackend('cpu');
    engine = await tinyEngine();
    whole = await finished('whole');
  });

  /** What there is of a run at its end, gone on from a checkpoint or from the start. */
  async function finished(runId: string, from?: Checkpoint): Promise<Checkpoint> {
    const saves: Checkpoint[] = [];
    const store = { save: async (checkpoint: Checkpoint) => void saves.push(checkpoint) };
    const run = new Trainer({ ...(await tinyInputs(engine)), runId, store }, {}, from);
    await run.resume();
    await run.dispose();
    return saves.at(-1) as Checkpoint;
  }

  it.each([
    ['paused at 7, before any validation', 7],
    ['paused at 13', 13],
    // Its save broke off between history and run: the state before that save is the whole one.
    ['more records than steps', 11],
  ])('“%s” goes on from step %i to the end of an undisturbed run', async (runId, step) => {
    const store = await openCheckpointStore({ name: await database1() });
    const from = (await store.load(runId)) as Checkpoint;
    expect(from).toMatchObject({ step, phase: 'paused' });
    expect(from.history.steps).toHaveLength(step);
    const end = await finished(runId, from);
    expect(errorless(end)).toEqual({ ...errorless(whole), runId });
    await store.save(end);
    expect(await store.load(runId)).toEqual(end);
  });

  it('is listed in the order of its clock, and a run saved now comes before it', async () => {
    const store = await openCheckpointStore({ name: await database1() });
    const before = await store.list();
    expect(before.map(({ runId }) => runId)).toEqual(
      [...dump.database.stores.runs]
        .sort((a, b) => (b as unknown as Saved).savedAt - (a as unknown as Saved).savedAt)
        .map(({ runId }) => runId),
    );
    const oldest = before.at(-1)?.runId as string;
    await store.save((await store.load(oldest)) as Checkpoint);
    expect((await store.list())[0].runId).toBe(oldest);
  });

  it('finished, still gives its result', async () => {
    const store = await openCheckpointStore({ name: await database1() });
    const from = (await store.load('finished')) as Checkpoint;
    expect(errorless(from)).toEqual({ ...errorless(whole), runId: 'finished' });
  });
});

/** Errors of losses are known from version 3 on. */
function errorless(checkpoint: Checkpoint) {
  const { history, lanes, ...rest } = timeless(checkpoint);
  return {
    ...rest,
    lanes: lanes.map((lane) => ({ ...lane, best: lane.best && { ...lane.best, error: 0 } })),
    history: { ...history, validations: history.validations.map((record) => ({ ...record, error: 0 })) },
  };
}

interface Saved {
  savedAt: number;
}

describe('a run saved by version 2', () => {
  const rows = dumpOf(2).database.stores.runs as { runId: string; version?: number; step?: number }[];

  it.each(rows.map(({ runId }) => runId))('“%s” becomes one of one lane, with all that it had', (runId) => {
    const row = rows.find((one) => one.runId === runId) as Record<string, unknown>;
    expect(row.version).toBe(2);
    const { version, lanes, settings, ...rest } = upToDate(row);
    expect(version).toBe(3);
    expect(settings).toEqual({
      ...(row.settings as object),
      ...{ search: 'none', before: '', after: '', patience: 0, minutes: 0, noise: 0, shots: 0 },
    });
    expect(lanes).toHaveLength(1);
    const [{ parameters, prompt, initialPrompt, firstMoment, secondMoment, best, ended }] = lanes;
    expect({ prompt, initialPrompt, firstMoment, secondMoment, ended }).toEqual({
      prompt: row.prompt,
      initialPrompt: row.initialPrompt,
      firstMoment: row.firstMoment,
      secondMoment: row.secondMoment,
      ended: null,
    });
    expect(parameters).toEqual(row.prompt);
    expect(best).toEqual(row.best && { error: 0, ...(row.best as object) });
    expect(rest).toMatchObject({ runId, step: row.step, phase: row.phase, elapsed: row.elapsed });
  });

  it('paused goes on to the end of an undisturbed run', async () => {
    await startNodeBackend('cpu');
    const engine = await tinyEngine();
    const ends: Checkpoint[] = [];
    for (const from of [undefined, 'paused at 13']) {
      const stored = from && rows.find(({ runId }) => runId === from);
      const pieces = dumpOf(2).database.stores.history as (HistoryPiece & { runId: string })[];
      const checkpoint = stored
        ? assemble(
            upToDate(stored),
            pieces.filter(({ runId }) => runId === from),
          )
        : undefined;
      const store = { save: async (kept: Checkpoint) => void ends.push(kept) };
      const run = new Trainer({ ...(await tinyInputs(engine)), store }, {}, checkpoint);
      await run.resume();
      await run.dispose();
    }
    const whole = ends.find(({ phase }) => phase === 'finished') as Checkpoint;
    const goneOn = ends.at(-1) as Checkpoint;
    expect(errorless(goneOn)).toEqual({ ...errorless(whole), runId: goneOn.runId });
  });
});

describe('a stored run', () => {
  const [row] = dump.database.stores.runs;

  it('of a version from the future is refused, and stays', () => {
    expect(() => upToDate({ ...row, version: 99 })).toThrow(/version 99.*up to 3/);
  });

  it.each(['prompt', 'best', 'phase', 'step', 'firstMoment', 'settings'])(
    'whose %s is damaged says so in words',
    (part) => {
      expect(() => upToDate({ ...row, order: 1, [part]: { odd: true } })).toThrow(
        /^The saved run is damaged: its .* is not what it should be\.$/,
      );
    },
  );
});
