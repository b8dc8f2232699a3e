/** @file What the worker's events do to the page's state. */
import { describe, expect, it } from 'vitest';
import { elapsed, reduce, reduceAll } from '../../app/session/reduce';
import { initialState, noComparison, type StudioState } from '../../app/session/state';
import type {
  ModelReport,
  NeighbourTable,
  RunPhase,
  RunSettings,
  StepRecord,
  StudioEvent,
  ValidationRecord,
} from '../../app/workers/protocol';

const settings = { steps: 100, validateEvery: 10 } as RunSettings;
const record = (step: number, loss = 1): StepRecord => ({
  lane: 0,
  step,
  loss,
  gradientNorm: 0.5,
  learningRate: 0.01,
  tokens: 40,
  milliseconds: 20,
});
const validation = (step: number, best = true): ValidationRecord => ({
  lane: 0,
  error: 0.1,
  step,
  loss: 0.5,
  accuracy: 0.9,
  tokenAccuracy: 0.8,
  exact: 0.7,
  rows: 20,
  best,
});
const started = (steps: StepRecord[] = [], phase: RunPhase = 'starting'): StudioEvent => ({
  type: 'runStarted',
  runId: 'a',
  settings,
  history: { steps, validations: [] },
  state: { phase, step: steps.length, steps: 100, bestStep: 0, leader: 0, lanes: [] },
});
const phase = (name: RunPhase, step = 0): StudioEvent => ({
  type: 'runState',
  runId: 'a',
  state: { phase: name, step, steps: 100, bestStep: 0, leader: 0, lanes: [] },
});
const table = (step: number, nearest: number[]): NeighbourTable => ({
  step,
  baseline: 0.4,
  rows: nearest.map((tokenId, index) => ({
    index,
    neighbours: [{ tokenId, value: 0.9, text: 'x' }],
    moved: 0,
    norm: 1,
  })),
});
const running = (): StudioState => reduceAll(initialState, [started(), phase('training')], 0);

describe('a run', () => {
  it('appends the records of several events in order and takes its step from the newest', () => {
    const state = reduceAll(
      running(),
      [
        { type: 'steps', runId: 'a', records: [record(1), record(2)] },
        { type: 'steps', runId: 'a', records: [record(3)] },
      ],
      10,
    );
    expect(state.run?.steps.map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(state.run?.state.step).toBe(3);
  });

  it('keeps events of the same frame apart when another kind comes between them', () => {
    const state = reduceAll(
      running(),
      [
        { type: 'steps', runId: 'a', records: [record(1)] },
        { type: 'validation', runId: 'a', record: validation(1) },
        { type: 'steps', runId: 'a', records: [record(2)] },
      ],
      10,
    );
    expect(state.run?.steps).toHaveLength(2);
    expect(state.run?.validations).toHaveLength(1);
  });

  it('ignores records it already has, which a restored history brings along', () => {
    const restored = reduce(initialState, started([record(1), record(2)], 'paused'), 0);
    const state = reduce(restored, { type: 'steps', runId: 'a', records: [record(2), record(3)] }, 5);
    expect(state.run?.steps.map(({ step }) => step)).toEqual([1, 2, 3]);
  });

  it('of several lanes shows the whole of the lane that leads, from its first step on, whichever led before', () => {
    const of = (lane: number, step: number, loss = 1) => ({ ...record(step, loss), lane });
    const told = reduceAll(
      running(),
      [
        { type: 'steps', runId: 'a', records: [of(0, 1), of(1, 1, 2)] },
        { type: 'steps', runId: 'a', records: [of(0, 2)] },
        { type: 'validation', runId: 'a', record: { ...validation(2), lane: 1 } },
        { type: 'steps', runId: 'a', records: [of(1, 2, 3)] },
      ],
      10,
    );
    expect(told.run?.steps.map(({ loss }) => loss)).toEqual([1, 1]);
    expect(told.run?.validations).toHaveLength(0);
    const state = { phase: 'training', step: 2, steps: 100, bestStep: 2, leader: 1, lanes: [] } as const;
    const led = reduce(told, { type: 'runState', runId: 'a', state: { ...state, lanes: [] } }, 20);
    expect(led.run?.steps.map(({ loss }) => loss)).toEqual([2, 3]);
    expect(led.run?.validations).toHaveLength(1);
    expect(led.run?.all.steps).toHaveLength(4);
  });

  it('leaves the state untouched for events of another run', () => {
    const before = running();
    expect(reduce(before, { type: 'steps', runId: 'old', records: [record(1)] }, 5)).toBe(before);
    expect(reduce(before, { type: 'saved', runId: 'old', step: 3 }, 5)).toBe(before);
  });

  it('does not change the arrays that were shown before', () => {
    const before = running();
    const shown = before.run?.steps;
    reduce(before, { type: 'steps', runId: 'a', records: [record(1)] }, 5);
    expect(shown).toHaveLength(0);
  });

  it('remembers the nearest tokens of the table before, to show what changed', () => {
    const first = reduce(running(), { type: 'neighbours', runId: 'a', table: table(0, [7, 8]) }, 0);
    const second = reduce(first, { type: 'neighbours', runId: 'a', table: table(5, [7, 9]) }, 1);
    expect(first.run?.previousNearest).toEqual([]);
    expect(second.run?.previousNearest).toEqual([7, 8]);
    expect(second.run?.neighbours?.step).toBe(5);
  });

  it('says once that it is finished, with its best validation, and clears that when a new run starts', () => {
    const finished = reduceAll(
      running(),
      [
        { type: 'steps', runId: 'a', records: [record(1)] },
        { type: 'validation', runId: 'a', record: validation(1) },
        phase('finished', 100),
      ],
      10,
    );
    expect(finished.notice?.body).toContain('accuracy 90 %');
    const dismissed = { ...finished, notice: null };
    expect(reduce(dismissed, { type: 'saved', runId: 'a', step: 100 }, 11).notice).toBeNull();
    expect(reduce(finished, started(), 12).notice).toBeNull();
  });

  it('raises no notice when it is stopped or fails', () => {
    expect(reduce(running(), phase('stopped', 3), 5).notice).toBeNull();
    expect(reduce(running(), phase('failed', 3), 5).notice).toBeNull();
  });
});

describe('the clock of a run', () => {
  const clockAfter = (...moments: [StudioEvent, number][]) => {
    const state = moments.reduce((before, [event, now]) => reduce(before, event, now), initialState);
    if (!state.run) throw new Error('no run');
    return state.run.clock;
  };

  it('runs through training and validation and rests while paused', () => {
    const clock = clockAfter(
      [started(), 1000],
      [phase('training'), 2000],
      [phase('validating'), 5000],
      [phase('training'), 6000],
      [phase('paused'), 7000],
    );
    expect(elapsed(clock, 99_000)).toBe(6000);
    expect(clock.validating).toBe(1000);
  });

  it('goes on where a pause left it', () => {
    const clock = clockAfter([started(), 0], [phase('paused'), 500], [phase('training'), 10_000]);
    expect(elapsed(clock, 10_250)).toBe(750);
  });

  it('never runs backwards when the clock was read before work began', () => {
    const clock = clockAfter([started(), 30_000], [phase('training'), 30_000]);
    expect(elapsed(clock, 5000)).toBe(0);
  });

  it('starts a restored run with the time its steps took', () => {
    expect(elapsed(clockAfter([started([record(1), record(2)], 'paused'), 0]), 5000)).toBe(40);
  });
});

describe('prompts', () => {
  const prompt = (origin: 'run' | 'file', name: string): StudioEvent => ({
    type: 'promptChanged',
    prompt: { id: name, name, origin, kind: 'prompt', virtualTokens: 8, warning: null, card: {} },
  });

  it('keeps an imported one at hand when a run brings its own', () => {
    const state = reduceAll(initialState, [prompt('file', 'mine.zip'), prompt('run', 'step 10')], 0);
    expect(state.prompt.report?.name).toBe('step 10');
    expect(state.prompt.imported?.name).toBe('mine.zip');
  });
});

describe('saving', () => {
  it('says why a checkpoint was not kept until the next one is', () => {
    const failed = reduce(running(), { type: 'notSaved', runId: 'a', message: 'The disk is full.' }, 0);
    expect(failed.run?.notSaved).toBe('The disk is full.');
    expect(reduce(failed, { type: 'saved', runId: 'a', step: 20 }, 1).run).toMatchObject({
      notSaved: null,
      savedStep: 20,
    });
  });
});

describe('a device that goes away', () => {
  const device = {
    backend: 'webgpu',
    name: 'GPU',
    software: false,
    threads: 8,
    largestBuffer: 2 ** 31,
    reason: null,
  } as const;
  const lost: StudioEvent = { type: 'deviceLost', message: 'the driver was reset' };

  it('is named while it is away and news when it is back, and the run stays', () => {
    const away = reduce(running(), lost, 5);
    expect(away.device.lost).toBe('the driver was reset');
    const back = reduce(away, { type: 'deviceRestored', device, model: null }, 9);
    expect(back.device).toEqual({ report: device, error: null, lost: null });
    expect(back.notice?.title).toContain('back');
    expect(back.run).toBe(away.run);
  });

  it('keeps the model it had where the report says nothing of one', () => {
    const model = { id: 'a/b' } as ModelReport;
    const loaded = { ...initialState, model: { ...initialState.model, report: model } };
    const same = reduce(loaded, { type: 'deviceRestored', device, model: null }, 0);
    expect(same.model.report).toBe(model);
    const other = { id: 'a/b', weightFormat: 'int8' } as ModelReport;
    expect(reduce(loaded, { type: 'deviceRestored', device, model: other }, 0).model.report).toBe(other);
  });

  it('is an error when it does not come back', () => {
    const error = { kind: 'device', message: 'gone', hint: 'reload' } as const;
    const gone = reduce(reduce(running(), lost, 5), { type: 'deviceGone', error }, 9);
    expect(gone.device).toMatchObject({ error, lost: null });
  });
});

describe('loading and answers', () => {
  it('shows progress only while something is loading', () => {
    const progress = {
      phase: 'downloading',
      file: 'model.safetensors',
      loaded: 1,
      total: 2,
      speed: 1,
    } as const;
    expect(reduce(initialState, { type: 'modelProgress', progress }, 0)).toBe(initialState);
    const request = { origin: { kind: 'hub', id: 'a/b', revision: 'main' }, format: 'stored' } as const;
    const loading = {
      ...initialState,
      model: { ...initialState.model, loading: { request, progress: null } },
    };
    expect(reduce(loading, { type: 'modelProgress', progress }, 0).model.loading?.progress).toEqual(progress);
    const comparing = {
      ...initialState,
      model: { ...initialState.model, comparison: { ...noComparison, busy: true } },
    };
    const after = reduce(comparing, { type: 'modelProgress', progress }, 0);
    expect(after.model.comparison.progress).toEqual(progress);
  });

  it('joins the tokens of a column and ignores those of an older question', () => {
    const asked = {
      ...initialState,
      playground: { ...initialState.playground, requestId: 2, running: true },
    };
    const state = reduceAll(
      asked,
      [
        { type: 'token', requestId: 2, column: 'with', text: 'pos' },
        { type: 'token', requestId: 1, column: 'with', text: 'OLD' },
        { type: 'token', requestId: 2, column: 'with', text: 'itive' },
        { type: 'generated', requestId: 2, column: 'with', tokens: 2, milliseconds: 30 },
      ],
      0,
    );
    expect(state.playground.answers.with).toEqual({
      text: 'positive',
      tokens: 2,
      milliseconds: 30,
      done: true,
    });
  });

  it('keeps an answer that ended without a token as an empty one', () => {
    const asked = { ...initialState, playground: { ...initialState.playground, requestId: 1 } };
    const event = { type: 'generated', requestId: 1, column: 'without', tokens: 0, milliseconds: 3 } as const;
    expect(reduce(asked, event, 0).playground.answers.without).toMatchObject({ text: '', done: true });
  });
});
