/** @file What a studio tells of a run: its state to wait for, its verdict, and the lines that a person follows it by. */
import type { LaneReport, RunState, StudioEvent, Verdict } from '../../app/workers/protocol';

/** Steps between two lines. */
const SAID_EVERY = 25;

export class RunLog {
  /** The newest. */
  verdict: Verdict | null = null;
  /** What the last step took. */
  lastMilliseconds = 0;
  private state: RunState | null = null;
  private lanes: readonly LaneReport[] = [];
  private waiting: ((state: RunState) => void)[] = [];
  private awaitingVerdict: (() => void)[] = [];

  /** Whether lines are kept back, as of steps that are only timed. */
  private quiet = false;

  constructor(private readonly out: (text: string) => void) {}

  /** What is told from now on is of another command. */
  begin({ quiet = false } = {}): void {
    this.state = null;
    this.quiet = quiet;
  }

  take(event: StudioEvent): void {
    switch (event.type) {
      case 'runStarted':
        this.lanes = event.state.lanes;
        break;
      case 'runState':
        this.state = event.state;
        if (isAtRest(event.state)) for (const tell of this.waiting.splice(0)) tell(event.state);
        this.tellVerdict();
        break;
      case 'steps':
        for (const { lane, step, loss, milliseconds } of event.records) {
          this.lastMilliseconds = milliseconds;
          if (step % SAID_EVERY === 0) this.say(`${this.named(lane)}step ${step}: loss ${loss.toFixed(4)}`);
        }
        break;
      case 'words':
        for (const { name, loss, accuracy, exact } of event.records) {
          this.say(`${name}: validation loss ${loss.toFixed(4)}, ${shares(accuracy, exact)}`);
        }
        break;
      case 'validation': {
        const { lane, step, loss, accuracy, exact, best } = event.record;
        const found = `validation loss ${loss.toFixed(4)}, ${shares(accuracy, exact)}`;
        this.say(`${this.named(lane)}step ${step}: ${found}${best ? ', its best so far' : ''}`);
        break;
      }
      case 'verdict':
        this.verdict = event.verdict;
        this.tellVerdict();
        break;
    }
  }

  /** Which of several prompts a line is about. */
  private named(lane: number): string {
    return this.lanes.length > 1 ? `${this.lanes[lane].name}, ` : '';
  }

  private say(text: string): void {
    if (!this.quiet) this.out(text);
  }

  /**
   * Resolves when the verdict of a run at rest rests on all its test rows: at once where there is none to come, and where it could
   * not be made, which the state says.
   */
  async judged(): Promise<void> {
    if (this.verdictStands) return;
    await new Promise<void>((resolve) => {
      this.awaitingVerdict.push(resolve);
    });
  }

  private get verdictStands(): boolean {
    return !this.verdict || this.verdict.whole || this.state?.message !== undefined;
  }

  private tellVerdict(): void {
    if (this.verdictStands) for (const tell of this.awaitingVerdict.splice(0)) tell();
  }

  /** Resolves when the run is at rest: paused, over, or failed. */
  async rest(): Promise<RunState> {
    const { state } = this;
    if (state && isAtRest(state)) return state;
    return new Promise((resolve) => {
      this.waiting.push(resolve);
    });
  }
}

function isAtRest({ phase }: RunState): boolean {
  return phase === 'finished' || phase === 'stopped' || phase === 'paused' || phase === 'failed';
}

function shares(accuracy: number | null, exact: number): string {
  const percent = (part: number) => `${(100 * part).toFixed(1)} %`;
  return accuracy === null ? `${percent(exact)} exact` : `${percent(accuracy)} right`;
}
