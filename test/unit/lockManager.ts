/** @file What a browser's `navigator.locks` does, as far as it is used, shared by the “tabs” of a test. */
import type { LockManagerLike } from '../../app/training/runLocks';

interface Waiting {
  grant(): void;
}

export class Locks {
  private readonly held = new Map<string, { by: string; end: () => void }>();
  private readonly queues = new Map<string, Waiting[]>();

  /** The manager as one tab has it; its locks go with `close`. */
  tab(name: string): LockManagerLike {
    return {
      request: (lock, { signal }, callback) =>
        new Promise((resolve, reject) => {
          const queue = this.queues.get(lock) ?? [];
          this.queues.set(lock, queue);
          const waiting: Waiting = {
            grant: () => {
              const ended = new Promise<void>((end) => this.held.set(lock, { by: name, end }));
              const worked = Promise.resolve(callback()).then(() => undefined);
              void Promise.race([ended, worked]).then(() => {
                this.held.delete(lock);
                resolve(undefined);
                queue.shift()?.grant();
              });
            },
          };
          signal?.addEventListener('abort', () => {
            const place = queue.indexOf(waiting);
            if (place < 0) return;
            queue.splice(place, 1);
            reject(new DOMException('The request was aborted.', 'AbortError'));
          });
          if (this.held.has(lock)) queue.push(waiting);
          else waiting.grant();
        }),
      query: async () => ({ held: [...this.held.keys()].map((lock) => ({ name: lock })) }),
    };
  }

  /** The tab goes away, and its locks with it. */
  close(name: string): void {
    for (const { by, end } of this.held.values()) if (by === name) end();
  }
}
