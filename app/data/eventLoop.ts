/** @file A turn of the event loop between two pieces of long work, so that messages get through. */

/**
 * Resolves after the messages that are waiting have been handled. A message, not a timer or a frame:
 * both are slowed or stopped in a hidden tab.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** Waits for work, which may never end, no longer than until the signal; its failure is passed on before that. */
export function untilAborted(work: Promise<void> | null, signal: AbortSignal): Promise<void> {
  if (!work || signal.aborted) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const stop = () => resolve();
    signal.addEventListener('abort', stop);
    work.finally(() => signal.removeEventListener('abort', stop)).then(resolve, reject);
  });
}
