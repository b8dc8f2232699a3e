/** @file How the page learns that its worker is gone: a lock that the browser takes back when the worker ends, however it ends. */
import type { LifeSign } from './protocol';

/** Holds a lock for as long as this worker lives, and tells the page what no call would tell it. */
export function showLife(scope: EventTarget & { postMessage(message: unknown): void }): void {
  const tell = (sign: LifeSign) => scope.postMessage(sign);
  const name = `soft-prompt-studio-trainer ${crypto.getRandomValues(new Uint32Array(2)).join('-')}`;
  // Pages that are not served securely have no locks.
  void navigator.locks?.request(name, () => {
    tell({ alive: name });
    return new Promise(() => undefined);
  });
  scope.addEventListener('messageerror', () => tell({ fault: 'unread' }));
  scope.addEventListener('unhandledrejection', (event) => {
    const { reason } = event as PromiseRejectionEvent;
    if (reason instanceof DOMException && reason.name === 'DataCloneError') tell({ fault: 'unsent' });
  });
}
