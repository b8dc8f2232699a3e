/** @file What the worker's events do to the page's state: one pure function, so that it can be tested and coalesced. */
import type {
  DatasetReport,
  ModelProgress,
  PromptReport,
  RunHistory,
  RunPhase,
  RunState,
  StepRecord,
  StudioEvent,
} from '../workers/protocol';
import type { Clock, ModelSlice, Notice, RunSlice, StudioState } from './state';
import { runSummary } from './summary';

/** Applies events in order. `now` is the page's clock in milliseconds, the same for all of them. */
export function reduceAll(state: StudioState, events: readonly StudioEvent[], now: number): StudioState {
  return joinSteps(events).reduce((before, event) => reduce(before, event, now), state);
}

/** The state after one event; the same object when the event changes nothing (another run's, an old request's). */
export function reduce(state: StudioState, event: StudioEvent, now: number): StudioState {
  switch (event.type) {
    case 'modelProgress': {
      const model = withProgress(state.model, event.progress);
      return model === state.model ? state : { ...state, model };
    }
    case 'deviceLost':
      return { ...state, device: { ...state.device, lost: event.message } };
    case 'deviceRestored':
      return {
        ...state,
        device: { report: event.device, error: null, lost: null },
        model: { ...state.model, report: event.model ?? state.model.report },
        notice: {
          id: now,
          title: 'The graphics device is back',
          body: state.run ? 'Model and run are on it again.' : 'The model is on it again.',
        },
      };
    case 'deviceChanged':
      return { ...state, device: { report: event.device, error: null, lost: null } };
    case 'deviceGone':
      return { ...state, device: { ...state.device, error: event.error, lost: null } };
    case 'dataProgress': {
      if (!state.data.loading) return state;
      const progress = { phase: event.phase, done: event.done, total: event.total };
      return { ...state, data: { ...state.data, loading: { ...state.data.loading, progress } } };
    }
    case 'runStarted': {
      const { runId, settings, history } = event;
      // Lanes share their steps, and each record has the whole step's time.
      const spent = history.steps.reduce(
        (sum, { step, milliseconds }, i) => sum + (history.steps[i - 1]?.step === step ? 0 : milliseconds),
        0,
      );
      const clock: Clock = { spent, since: null, validating: 0, validatingSince: null };
      const run: RunSlice = {
        id: runId,
        settings,
        dataset: datasetOf(state.data.report),
        state: event.state,
        all: history,
        ...ofLane(history, event.state.leader),
        validationProgress: null,
        words: null,
        verdict: null,
        neighbours: null,
        previousNearest: [],
        answers: null,
        savedStep: null,
        notSaved: null,
        clock: tick(clock, event.state.phase, now),
      };
      return { ...state, run, notice: null };
    }
    case 'runState':
      return withRun(state, event.runId, (run) => {
        const clock = tick(run.clock, event.state.phase, now);
        const validationProgress = event.state.phase === 'validating' ? run.validationProgress : null;
        const own = event.state.leader === run.state.leader ? {} : ofLane(run.all, event.state.leader);
        return { ...run, ...own, state: event.state, clock, validationProgress };
      });
    case 'steps':
      return withRun(state, event.runId, (run) => withSteps(run, event.records));
    case 'validation':
      return withRun(state, event.runId, (run) => {
        const all = { ...run.all, validations: [...run.all.validations, event.record] };
        return { ...run, all, ...ofLane(all, run.state.leader), validationProgress: null };
      });
    case 'validationProgress':
      return withRun(state, event.runId, (run) => ({
        ...run,
        validationProgress: { done: event.done, total: event.total },
      }));
    case 'words':
      return withRun(state, event.runId, (run) => ({ ...run, words: event.records }));
    case 'verdict':
      return withRun(state, event.runId, (run) => ({
        ...run,
        verdict: event.verdict,
        validationProgress: null,
      }));
    case 'neighbours':
      return withRun(state, event.runId, (run) => ({
        ...run,
        neighbours: event.table,
        previousNearest: run.neighbours?.rows.map((row) => row.neighbours[0]?.tokenId ?? -1) ?? [],
      }));
    case 'answers':
      return withRun(state, event.runId, (run) => ({
        ...run,
        answers: { step: event.step, rows: event.rows, instruction: event.instruction },
      }));
    case 'saved':
      return withRun(state, event.runId, (run) => ({ ...run, savedStep: event.step, notSaved: null }));
    case 'savedChanged':
      return { ...state, saved: { ...state.saved, outdated: true } };
    case 'notSaved':
      return withRun(state, event.runId, (run) => ({ ...run, notSaved: event.message }));
    case 'rowWork': {
      if (!state.rows.busy) return state;
      return { ...state, rows: { ...state.rows, progress: { done: event.done, total: event.total } } };
    }
    case 'promptChanged':
      return { ...state, prompt: withPrompt(state.prompt, event.prompt) };
    case 'answering':
      return event.requestId === state.playground.requestId
        ? { ...state, playground: { ...state.playground, prompt: event.prompt } }
        : state;
    case 'token':
    case 'generated':
      return withAnswer(state, event);
  }
}

/** What a run remembers of its data, which may be replaced while the run still stands on the page. */
export function datasetOf(report: DatasetReport | null): RunSlice['dataset'] {
  return report && { name: report.name, hasClasses: report.classes !== null };
}

/** A run's elapsed time now, in milliseconds. The page's clock may be read a moment before work began. */
export function elapsed(clock: Clock, now: number): number {
  return clock.spent + (clock.since === null ? 0 : Math.max(0, now - clock.since));
}

/** Neighbouring `steps` events of one run become one, so that a frame copies the history once. */
function joinSteps(events: readonly StudioEvent[]): StudioEvent[] {
  const joined: StudioEvent[] = [];
  for (const event of events) {
    const last = joined.at(-1);
    if (event.type === 'steps' && last?.type === 'steps' && last.runId === event.runId) {
      joined[joined.length - 1] = { ...last, records: [...last.records, ...event.records] };
    } else joined.push(event);
  }
  return joined;
}

/** Progress belongs to the load under way, or to the comparison that reads the files once more. */
function withProgress(model: ModelSlice, progress: ModelProgress): ModelSlice {
  if (model.loading) return { ...model, loading: { ...model.loading, progress } };
  return model.comparison.busy ? { ...model, comparison: { ...model.comparison, progress } } : model;
}

function withPrompt(before: StudioState['prompt'], report: PromptReport | null): StudioState['prompt'] {
  return { ...before, report, imported: report?.origin === 'file' ? report : before.imported };
}

function withRun(state: StudioState, runId: string, change: (run: RunSlice) => RunSlice): StudioState {
  if (state.run?.id !== runId) return state;
  const run = change(state.run);
  return { ...state, run, notice: noticeOf(state.run.state, run) ?? state.notice };
}

/** The run's end is news; being paused, stopped by the person or failed is shown where it happens. */
function noticeOf(before: RunState, run: RunSlice): Notice | null {
  if (run.state.phase !== 'finished' || before.phase === 'finished') return null;
  return { id: run.state.step, title: 'Training finished', body: runSummary(run) };
}

/** Records that are not newer than the last one are dropped: a restored history may overlap the first event. */
function withSteps(run: RunSlice, records: StepRecord[]): RunSlice {
  const { steps: before } = run.all;
  const fresh = records.filter(
    ({ lane, step }) => step > (before.findLast((record) => record.lane === lane)?.step ?? 0),
  );
  const newest = fresh.at(-1);
  if (!newest) return run;
  const state = { ...run.state, step: Math.max(run.state.step, newest.step) };
  const all = { ...run.all, steps: run.all.steps.concat(fresh) };
  const { leader } = run.state;
  const own = fresh.filter(({ lane }) => lane === leader);
  return { ...run, state, all, steps: run.steps.concat(own) };
}

/** What a lane has to show. */
function ofLane(all: RunHistory, lane: number): Pick<RunSlice, 'steps' | 'validations'> {
  return {
    steps: all.steps.filter((record) => record.lane === lane),
    validations: all.validations.filter((record) => record.lane === lane),
  };
}

function tick(clock: Clock, phase: RunPhase, now: number): Clock {
  const working = phase === 'starting' || phase === 'training' || phase === 'validating';
  const validating = phase === 'validating';
  return {
    spent: working || clock.since === null ? clock.spent : clock.spent + now - clock.since,
    since: working ? (clock.since ?? now) : null,
    validating:
      validating || clock.validatingSince === null
        ? clock.validating
        : clock.validating + now - clock.validatingSince,
    validatingSince: validating ? (clock.validatingSince ?? now) : null,
  };
}

function withAnswer(
  state: StudioState,
  event: Extract<StudioEvent, { type: 'token' | 'generated' }>,
): StudioState {
  const { playground } = state;
  if (event.requestId !== playground.requestId) return state;
  const before = playground.answers[event.column] ?? { text: '', tokens: 0, milliseconds: 0, done: false };
  const answer =
    event.type === 'token'
      ? { ...before, text: before.text + event.text, tokens: before.tokens + 1 }
      : { ...before, tokens: event.tokens, milliseconds: event.milliseconds, done: true };
  const answers = { ...playground.answers, [event.column]: answer };
  return { ...state, playground: { ...playground, answers } };
}
