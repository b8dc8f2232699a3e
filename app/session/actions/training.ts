/** @file The buttons of a run. */
import type { RunSettings, SettingName } from '../../workers/protocol';
import { flushEvents, worker } from '../client';
import { toStudioError } from '../errors';
import type { PendingCommand } from '../state';
import { useStudio } from '../store';

export function train(settings: RunSettings): Promise<void> {
  return command('train', () => worker().train(settings, ownNames()));
}

/** One step of the paused run, or of a new one that starts paused. */
export function step(settings: RunSettings): Promise<void> {
  return command('step', () => worker().step(settings, ownNames()));
}

/** The lane whose prompt is the run's from now on; null leaves it to the run. */
export function takeLane(lane: number | null): Promise<void> {
  return command('lane', () => worker().takeLane(lane));
}

/** Settings that are the person's own. */
function ownNames(): SettingName[] {
  return Object.keys(useStudio.getState().settings.entered) as SettingName[];
}

export function pause(): Promise<void> {
  return command('pause', () => worker().pause());
}

export function resume(): Promise<void> {
  return command('resume', () => worker().resume());
}

export function stop(): Promise<void> {
  return command('stop', () => worker().stop());
}

export function dismissNotice(): void {
  useStudio.setState({ notice: null });
}

async function command(pending: PendingCommand, call: () => Promise<unknown>): Promise<void> {
  useStudio.setState({ pending, trainError: null });
  try {
    await call();
    flushEvents();
    useStudio.setState({ pending: null });
  } catch (thrown) {
    flushEvents();
    useStudio.setState({ pending: null, trainError: toStudioError(thrown, 'training') });
  }
}
