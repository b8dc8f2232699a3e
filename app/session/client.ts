/**
 * @file The page's one client of the worker. Calls go through comlink; events are gathered and applied once a
 * frame, so that the page never does more work than it can show.
 */
import { proxy, type Remote } from 'comlink';
import type { Backend, DeviceReport, Studio, StudioError, StudioEvent } from '../workers/protocol';
import { reduceAll } from './reduce';
import { patch, useStudio } from './store';
import { TrainerLink } from './trainerLink';
import { withoutTrainer } from './withoutTrainer';

/** A hidden page gets no animation frames; its title and state still follow, at this interval. */
const HIDDEN_INTERVAL = 500;

let link: TrainerLink | null = null;
let opened = false;
/** Settles as the first `connect` does, and from then on as the newest. */
let started: (answer: Promise<unknown>) => void = () => undefined;
let starting = new Promise<unknown>((resolve) => {
  started = resolve;
});
let waiting: StudioEvent[] = [];
let scheduled = false;

/** Starts a worker, in place of any before it, and chooses the device. Rejects with a `StudioError`. */
export function connect(force?: Backend): Promise<DeviceReport> {
  const report = start(force);
  // Whoever waits for it is told; nobody may.
  report.catch(() => undefined);
  started(report);
  starting = report;
  return report;
}

/** The worker's side, once it has started: what is dropped in the first moments waits for it. @throws StudioError where it does not start */
export async function startedWorker(): Promise<Remote<Studio>> {
  await starting;
  return worker();
}

async function start(force?: Backend): Promise<DeviceReport> {
  opened = false;
  link?.end(replaced);
  waiting = [];
  const worker = new Worker(new URL('../workers/trainer.worker.ts', import.meta.url), { type: 'module' });
  const present: TrainerLink = new TrainerLink(worker, navigator.locks, {
    ended(error) {
      if (link !== present || !opened) return;
      flushEvents();
      useStudio.setState((state) => withoutTrainer(state, error, performance.now()));
    },
    fault(error) {
      if (link !== present) return;
      // Before it has opened nobody would hear of it otherwise.
      if (opened) patch('trainer', { error });
      else present.end(error);
    },
  });
  link = present;
  const report = await present.studio.open(document.baseURI, proxy(receive), force);
  opened = true;
  return report;
}

/** The worker's side. @throws StudioError before `connect` has resolved. */
export function worker(): Remote<Studio> {
  if (link && opened) return link.studio;
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

const replaced: StudioError = { kind: 'device', message: 'The trainer was started again meanwhile.' };
