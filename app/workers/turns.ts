/**
 * @file One command at a time. A command that replaces model, data, run or prompt, or begins work on them, does so in its
 * turn: turns follow one another in the order in which they were asked for, and none sees another half done. What takes
 * long without changing anything (downloads, parsing) happens before a command's turn; what goes on for long after it
 * (answers, a comparison) is `SideWork`, which the turn that would pull the ground from under it ends first.
 */

/** What waits for a turn must not be waited for inside one. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** Does work once all turns before are over, well or not; passes on what comes of it. */
  take<T>(work: () => T | Promise<T>): Promise<T> {
    const turn = this.last.then(work);
    this.last = turn.catch(() => undefined);
    return turn;
  }
}

/** Begins inside a turn; the function that it gives back goes on after the turn, until it is done or its signal says stop. */
export type Begin<T> = (signal: AbortSignal) => Promise<() => Promise<T>>;

/** Work that a turn begins and that goes on beside those after it: one piece at a time, the newest asked for. */
export class SideWork {
  /** The newest, which may still wait for its turn. */
  private asked: AbortController | null = null;
  private going: { abort: AbortController; done: Promise<unknown> } | null = null;

  constructor(private readonly turns: Turns) {}

  /** Takes the place of what was asked for before. Null where it was cancelled before it began. @throws what the work throws */
  async run<T>(begin: Begin<T>): Promise<T | null> {
    const abort = new AbortController();
    this.asked?.abort();
    this.asked = abort;
    // In an object, so that the turn is over when the work has begun.
    const begun = await this.turns.take(async () => {
      await this.end();
      if (abort.signal.aborted) return null;
      const goOn = await begin(abort.signal);
      const going = { abort, done: goOn() };
      this.going = going;
      return going;
    });
    return begun ? begun.done : null;
  }

  /** Ends what goes on. For turns: it leaves alone what waits for a turn of its own. */
  async end(): Promise<void> {
    const { going } = this;
    going?.abort.abort();
    await going?.done.catch(() => undefined);
    if (this.going === going) this.going = null;
  }

  /** Ends what goes on, and what waits. Resolves once nothing goes on. */
  async cancel(): Promise<void> {
    this.cut();
    await this.end();
  }

  /** As `cancel`, without waiting. */
  cut(): void {
    this.asked?.abort();
    this.going?.abort.abort();
  }
}

/** A command of which the newest counts: asking again, or cancelling, ends the one before with a reason in words. */
export class Newest {
  private abort: AbortController | null = null;

  /** @param overtaken the reason that an earlier command's signal is aborted with */
  begin(overtaken: Error): AbortSignal {
    this.abort?.abort(overtaken);
    this.abort = new AbortController();
    return this.abort.signal;
  }

  cancel(reason: Error): void {
    this.abort?.abort(reason);
  }
}
