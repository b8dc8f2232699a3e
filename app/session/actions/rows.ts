/** @file Work on the rows themselves: which are hard, which are worth labelling, and what was put right becomes a next round. */
import type { RunSettings } from '../../workers/protocol';
import { flushEvents, worker } from '../client';
import { toStudioError } from '../errors';
import type { RowJob } from '../state';
import { patch, useStudio } from '../store';
import { openWithExamples } from './data';
import { importPrompt } from './prompt';
import { train } from './training';

export async function findHardest(): Promise<void> {
  await work('hardest', async () => {
    const hardest = await worker().hardestRows();
    return hardest && { hardest };
  });
}

export async function askTogether(): Promise<void> {
  await work('together', async () => {
    const together = await worker().askTogether();
    return together && { together };
  });
}

export async function rankUnlabelled(file: File): Promise<void> {
  await work('unlabelled', async () => {
    const ranked = await worker().rankUnlabelled([file]);
    return ranked && { unlabelled: { name: file.name, ranked } };
  });
}

export async function cancelRowWork(): Promise<void> {
  await worker()
    .cancelRowWork()
    .catch(() => undefined);
}

async function work(
  busy: RowJob,
  ask: () => Promise<Partial<ReturnType<typeof useStudio.getState>['rows']> | null>,
): Promise<void> {
  patch('rows', { busy, progress: null, error: null });
  try {
    const found = await ask();
    flushEvents();
    patch('rows', { busy: null, progress: null, ...found });
  } catch (thrown) {
    flushEvents();
    patch('rows', {
      busy: null,
      progress: null,
      error: { kind: busy, error: toStudioError(thrown, 'data') },
    });
  }
}

/** An answer that is right, or was put right. The same input counts once, as it was said last. */
export function addCorrection(input: string, target: string): void {
  const { corrections } = useStudio.getState().rows;
  const id = Math.max(0, ...corrections.map((one) => one.id)) + 1;
  const others = corrections.filter((one) => one.input !== input);
  patch('rows', { corrections: [...others, { id, input, target }], continueError: null });
}

export function removeCorrection(id: number): void {
  const { corrections } = useStudio.getState().rows;
  patch('rows', { corrections: corrections.filter((one) => one.id !== id), continueError: null });
}

/**
 * Trains on from the prompt in use, with the corrections among the rows to learn from. Where something is in the way,
 * corrections and prompt stay.
 */
export async function trainNextRound(settings: RunSettings): Promise<void> {
  const { rows, prompt } = useStudio.getState();
  const { report } = prompt;
  if (!report) return;
  patch('rows', { continuing: true, continueError: null });
  try {
    const { name, type, bytes } = await worker().download('peft');
    await openWithExamples(rows.corrections);
    // A run starts from a prompt file: the prompt in use is one from now on.
    await importPrompt([new File([bytes], name, { type })]);
    const { error } = useStudio.getState().prompt;
    if (error) throw error;
    await train({ ...settings, initialiser: 'file', virtualTokens: report.virtualTokens });
    const { trainError } = useStudio.getState();
    if (trainError) throw trainError;
    patch('rows', { continuing: false, corrections: [] });
  } catch (thrown) {
    patch('rows', { continuing: false, continueError: toStudioError(thrown, 'training') });
  }
}
