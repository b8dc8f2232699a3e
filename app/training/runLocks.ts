/**
 * @file Which tab works on which run. A browser's Web Locks are given back by themselves when their tab or worker ends,
 * however it ends, so that no run stays locked by a tab that is gone.
 */

/** What is used of the browser's lock manager. */
export interface LockManagerLike {
  request(
    name: string,
    options: { signal?: AbortSignal },
    callback: () => Promise<void> | void,
  ): Promise<unknown>;
  query(): Promise<{ held?: { name?: string }[] }>;
}

const PREFIX = 'soft-prompt-studio-run ';

/** The runs that this tab works on; without a lock manager every run is free. */
export class RunLocks {
  private readonly held = new Map<string, () => void>();
  private readonly awaited = new Set<string>();

  constructor(
    private readonly manager: LockManagerLike | null,
    /** Milliseconds to wait for a run that another tab works on. */
    private readonly patience: number,
  ) {}

  /** Takes a run for this tab; false when another tab has it. */
  async take(runId: string): Promise<boolean> {
    const { manager } = this;
    if (!manager || this.held.has(runId)) return true;
    return new Promise((resolve) => {
      const given = new AbortController();
      const timer = setTimeout(() => given.abort(), this.patience);
      const holding = () => {
        clearTimeout(timer);
        resolve(true);
        return new Promise<void>((release) => this.held.set(runId, release));
      };
      manager.request(PREFIX + runId, { signal: given.signal }, holding).catch(() => resolve(false));
    });
  }

  /** Lets other tabs have a run; nothing where this tab does not hold it. */
  release(runId: string): void {
    this.held.get(runId)?.();
    this.held.delete(runId);
  }

  /** Ids of the runs that other tabs work on. */
  async elsewhere(): Promise<ReadonlySet<string>> {
    const { held = [] } = (await this.manager?.query()) ?? {};
    const ids = held
      .map(({ name = '' }) => name)
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => name.slice(PREFIX.length));
    return new Set(ids.filter((id) => !this.held.has(id)));
  }

  /** Calls back, once, when a run that another tab works on becomes free. */
  whenFree(runId: string, free: () => void): void {
    if (!this.manager || this.awaited.has(runId)) return;
    this.awaited.add(runId);
    const over = () => {
      this.awaited.delete(runId);
      free();
    };
    this.manager.request(PREFIX + runId, {}, () => undefined).then(over, over);
  }
}
