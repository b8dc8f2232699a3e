/**
 * @file The page's one client of the worker. Calls go through comlink; events are gathered and applied once a
 * frame, so that the page never does more work than it can show.
 */
import { proxy, type Remote, wrap } from 'comlink';
import type { Backend, DeviceReport, Studio, StudioError, StudioEvent } from '../workers/protocol';
import { reduceAll } from './reduce';
import { useStudio } from './store';

/** A hidden page gets no animation frames; its title and state still follow, at this interval. */
const HIDDEN_INTERVAL = 500;

let studio: Remote<Studio> | null = null;
let started: (answer: Promise<unknown>) => void = () => undefined;
/** Settles as `connect` does. */
const starting = new Promise<unknown>((resolve) => {
  started = resolve;
});
// Who waits for it is told; nobody may.
starting.catch(() => undefined);
let waiting: StudioEvent[] = [];
let scheduled = false;

/** Starts the worker and chooses the device. Rejects with a `StudioError`. Called once. */
export function connect(force?: Backend): Promise<DeviceReport> {
  const report = start(force);
  started(report);
  return report;
}

/** The worker's side, once it has started: what is dropped in the first moments waits for it. @throws StudioError where it does not start */
export async function startedWorker(): Promise<Remote<Studio>> {
  await starting;
  return worker();
}

async function start(force?: Backend): Promise<DeviceReport> {
  const worker = new Worker(new URL('../workers/trainer.worker.ts', import.meta.url), { type: 'module' });
  const remote = wrap<Studio>(worker);
  const broken = new Promise<never>((_, reject) => {
    worker.addEventListener('error', (event) => {
      if (studio) useStudio.setState({ pending: null, trainError: brokenLater(event) });
      else reject(workerFailure(event));
    });
  });
  const report = await Promise.race([remote.open(document.baseURI, proxy(receive), force), broken]);
  studio = remote;
  return report;
}

/** The worker's side. @throws StudioError before `connect` has resolved. */
export function worker(): Remote<Studio> {
  if (studio) return studio;
  const notYet: StudioError = { kind: 'device', message: 'The trainer has not started yet.' };
  throw notYet;
}

/** Applies everything received so far now: a call's answer is handled after the events that came before it. */
export function flushEvents(): void {
  if (waiting.length === 0) return;
  const events = waiting;
  waiting = [];
  useStudio.setState((state) => reduceAll(state, events, performance.now()));
}

function receive(event: StudioEvent): void {
  waiting.push(event);
  if (scheduled) return;
  scheduled = true;
  const apply = () => {
    scheduled = false;
    flushEvents();
  };
  if (document.hidden) setTimeout(apply, HIDDEN_INTERVAL);
  else scheduleFrame(apply);
}

/** The next frame, or soon after if the page is hidden before it comes. */
function scheduleFrame(apply: () => void): void {
  let done = false;
  const once = () => {
    if (done) return;
    done = true;
    apply();
  };
  requestAnimationFrame(once);
  setTimeout(once, HIDDEN_INTERVAL);
}

function brokenLater(event: ErrorEvent): StudioError {
  return {
    kind: 'training',
    message: `The trainer met an error it did not expect: ${event.message}`,
    hint: 'Reload the page; a run that had been saved can be continued.',
  };
}

function workerFailure(event: ErrorEvent): StudioError {
  return {
    kind: 'device',
    message: `The trainer's script could not be started${event.message ? `: ${event.message}` : '.'}`,
    hint: 'Reload the page. If it stays so, this browser may be too old: it needs module workers and WebAssembly.',
  };
}
