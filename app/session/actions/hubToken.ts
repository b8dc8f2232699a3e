/** @file The access token for gated models: told to the worker, and kept beyond the visit only where the person says so. */
import { worker } from '../client';
import { recall, remember } from '../remembered';
import { patch } from '../store';

const KEY = 'soft-prompt-studio.hub-token';
/** Enough to tell one's tokens apart. */
const SHOWN = 4;

/** What is wrong with a token as typed, or null: it travels in a header, which takes no spaces and no other letters. */
export function tokenFault(text: string): string | null {
  const token = text.trim();
  if (token === '') return 'Paste the token first: it begins with hf_.';
  if (!/^[\x21-\x7e]+$/.test(token)) return 'A token has no spaces and no accents. Copy it once more.';
  return null;
}

/** The token in use: a worker that is started again has to be told. */
let present: string | null = null;

/** Uses a token from now on. */
export async function setHubToken(text: string, keep: boolean): Promise<void> {
  const token = text.trim();
  present = token;
  await worker().setHubToken(token);
  const remembered = remember(KEY, keep ? token : null) && keep;
  patch('hub', { ending: token.slice(-SHOWN), remembered });
}

export async function forgetHubToken(): Promise<void> {
  remember(KEY, null);
  present = null;
  patch('hub', { ending: null, remembered: false });
  await worker().setHubToken(null);
}

/** The token of an earlier visit, where it was to be remembered. */
export async function restoreHubToken(): Promise<void> {
  const token = recall(KEY);
  if (!token || tokenFault(token)) return;
  present = token;
  await worker().setHubToken(token);
  patch('hub', { ending: token.slice(-SHOWN), remembered: true });
}

/** Tells a new worker the token that the old one had. */
export async function repeatHubToken(): Promise<void> {
  if (present !== null) await worker().setHubToken(present);
}
