/**
 * @file One worker and the calls that wait for it. However the worker ends, every call that waits for it is rejected in
 * words, and so is every later one: nothing on the page waits for ever.
 */
import { type Remote, wrap } from 'comlink';
import type { LifeSign, Studio, StudioError } from '../workers/protocol';

/** What is used of a `Worker`. */
export type WorkerLike = Pick<
  Worker,
  'postMessage' | 'addEventListener' | 'removeEventListener' | 'terminate'
>;

/** What is used of the browser's locks: the worker holds one for as long as it lives. */
export type LifeLocks = Pick<LockManager, 'request'>;

export interface LinkEvents {
  /** The worker is gone; all calls have been rejected with this. */
  ended(error: StudioError): void;
  /** The worker lives, and something went wrong in it that no call will tell. */
  fault(error: StudioError): void;
}

export class TrainerLink {
  /** The worker's methods. They reject with a `StudioError`. */
  readonly studio: Remote<Studio>;
  private over: StudioError | null = null;
  /** The script has begun: what goes wrong from now on is not the loading of it. */
  private begun = false;
  private readonly waiting = new Set<(error: StudioError) => void>();

  constructor(
    private readonly worker: WorkerLike,
    locks: LifeLocks | undefined,
    private readonly events: LinkEvents,
  ) {
    const remote = wrap<Studio>(worker as Worker);
    this.studio = new Proxy(remote, {
      get: (_, method) => {
        // It is handed on by promises, which would take a method of that name for a promise's own.
        if (method === 'then') return undefined;
        return (...given: unknown[]) => this.call(() => (remote as unknown as Methods)[method](...given));
      },
    });
    worker.addEventListener('message', ({ data }: MessageEvent<Partial<LifeSign>>) => {
      this.begun = true;
      // The lock is had here only when the worker does not hold it any more.
      if (data?.alive) locks?.request(data.alive, {}, () => this.end(gone)).catch(() => undefined);
      if (data?.fault === 'unread') this.reject(unread);
      if (data?.fault === 'unsent') events.fault(unexpected);
    });
    worker.addEventListener('messageerror', () => this.reject(unread));
    worker.addEventListener('error', () => {
      if (this.begun) events.fault(unexpected);
      else this.end(notStarted);
    });
  }

  /** Ends the worker, and with it every call that waits. */
  end(error: StudioError): void {
    if (this.over) return;
    this.over = error;
    this.worker.terminate();
    this.reject(error);
    this.events.ended(error);
  }

  private reject(error: StudioError): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const reject of waiting) reject(error);
  }

  private call(begin: () => Promise<unknown>): Promise<unknown> {
    if (this.over) return Promise.reject(this.over);
    return new Promise((resolve, reject) => {
      this.waiting.add(reject);
      begin()
        .then(resolve, reject)
        .finally(() => this.waiting.delete(reject));
    });
  }
}

type Methods = Record<string | symbol, (...given: unknown[]) => Promise<unknown>>;

const gone: StudioError = {
  kind: 'device',
  message: 'The trainer has ended: the browser stopped it, perhaps because memory ran out.',
  hint: 'Your data, settings and the last saved state of the run are kept. Start it again to go on from there.',
};

const unexpected: StudioError = {
  kind: 'device',
  message: 'The trainer met an error that it did not expect.',
  hint: 'If it does not go on, start it again: data, settings and the last saved state of the run are kept.',
};

const unread: StudioError = {
  kind: 'device',
  message: 'A message between page and trainer could not be read.',
  hint: 'Try once more. A file that was changed or moved meanwhile has to be chosen again.',
};

const notStarted: StudioError = {
  kind: 'device',
  message: 'The trainer’s script could not be started.',
  hint: 'Reload the page. If it stays so, this browser may be too old: it needs module workers and WebAssembly.',
};
