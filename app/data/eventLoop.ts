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
