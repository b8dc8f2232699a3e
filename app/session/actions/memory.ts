/** @file The memory that a run would take, and how much may be taken. */
import type { RunSettings } from '../../workers/protocol';
import { worker } from '../client';
import { recall, remember } from '../remembered';
import { patch, useStudio } from '../store';

const KEY = 'soft-prompt-studio.memory-budget';

let asked = 0;

/** Asks what a run with these settings would take; the newest answer wins. */
export async function refreshMemory(settings: RunSettings): Promise<void> {
  const mine = ++asked;
  try {
    const report = await worker().memory(settings);
    if (mine === asked) patch('memory', { report });
  } catch {
    // A forecast that cannot be made now (another model is loading) is asked for again when it has come.
    if (mine === asked) patch('memory', { report: null });
  }
}

/** Sets how many bytes may be used, null for the guess; kept in this browser. */
export async function setMemoryBudget(bytes: number | null): Promise<void> {
  patch('memory', { budget: bytes });
  remember(KEY, bytes === null ? null : String(bytes));
  await worker().setMemoryBudget(bytes);
}

/** Tells a new worker the budget that the old one had. */
export async function repeatMemoryBudget(): Promise<void> {
  const { budget } = useStudio.getState().memory;
  if (budget !== null) await worker().setMemoryBudget(budget);
}

/** The budget chosen at an earlier visit. */
export async function restoreMemoryBudget(): Promise<void> {
  const bytes = Number(recall(KEY));
  if (!Number.isFinite(bytes) || bytes <= 0 || useStudio.getState().memory.budget !== null) return;
  await setMemoryBudget(bytes);
}
