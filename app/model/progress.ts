/** @file How far a download is, over all files of a model, and how fast it goes. */

export interface LoadProgress {
  /** `reading` takes the weights from this machine. */
  phase: 'downloading' | 'reading';
  file: string;
  /** Bytes of all files. */
  loaded: number;
  /** 0 while unknown. */
  total: number;
  /** Bytes a second over the last seconds; null while unknown. */
  speed: number | null;
}

/** Milliseconds that speed is measured over. */
const WINDOW = 5000;
/** Milliseconds below which no speed is told. */
const LEAST = 500;
/** Milliseconds between two reports. */
const PACE = 100;

export class ProgressMeter {
  private phase: LoadProgress['phase'] = 'downloading';
  private file = '';
  private loaded = 0;
  private total = 0;
  private readonly passed: { at: number; loaded: number }[] = [];
  private told = Number.NEGATIVE_INFINITY;

  /** @param now Milliseconds that only grow. */
  constructor(
    private readonly tell: (progress: LoadProgress) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** A file's reading begins. */
  begin(file: string): void {
    this.file = file;
    this.report();
  }

  /** All that will come, and whether it has to be fetched. */
  expect(total: number, phase: LoadProgress['phase']): void {
    // What passed before, such as the compiling of kernels, says nothing of speed.
    if (this.total !== total) this.passed.length = 0;
    this.total = total;
    this.phase = phase;
    this.report();
  }

  /** Bytes that came; tells of them now and then. */
  add(bytes: number): void {
    const at = this.now();
    this.loaded += bytes;
    const last = this.passed.at(-1);
    if (!last || at - last.at >= PACE) this.passed.push({ at, loaded: this.loaded });
    while (this.passed.length > 1 && at - this.passed[0].at > WINDOW) this.passed.shift();
    if (at - this.told >= PACE) this.report();
  }

  /** Tells where it stands, however short ago it was told last. */
  report(): void {
    this.told = this.now();
    const { phase, file, total } = this;
    // A range that is asked for again counts twice.
    const loaded = total > 0 ? Math.min(this.loaded, total) : this.loaded;
    this.tell({ phase, file, loaded, total, speed: this.speed() });
  }

  private speed(): number | null {
    const [first] = this.passed;
    const span = first ? this.now() - first.at : 0;
    return first && span >= LEAST ? ((this.loaded - first.loaded) / span) * 1000 : null;
  }
}
