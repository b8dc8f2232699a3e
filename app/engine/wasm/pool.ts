/**
 * @file WebAssembly instances over one memory, this thread's and those of other threads, and lists of records run on all of them.
 */
import { Heap } from './heap';
import { RECORD_WORDS, type RecordList } from './records';

/** How the kernels multiply and add: in one instruction, in two, or four numbers at a time not at all. */
export type SimdLevel = 'relaxed' | 'plain' | 'none';

/** What another thread is given: it instantiates the module over the memory and calls `serve(control, thread)`. */
export interface ThreadStart {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  control: number;
  /** Its number, from 1 on. */
  thread: number;
}

export interface Thread {
  terminate(): void;
  /** Resolves when it is at work, or has ended. */
  started: Promise<void>;
}

/** Where an engine runs. */
export interface Processor {
  module: WebAssembly.Module;
  simd: SimdLevel;
  /** Threads that compute, this one among them. */
  threads: number;
  /** Starts another thread; null where memory cannot be shared. `ended` is called when it ends by itself. */
  spawn: ((start: ThreadStart, ended: () => void) => Thread) | null;
  /** Milliseconds without progress after which other threads are given up; by default 10,000. */
  patience?: number;
}

interface Kernels {
  run(control: number): number;
}

/** Pages of wasm32's four GiB; less where the system does not reserve as much. */
const MOST_PAGES = 65536;
const LEAST_PAGES = 4096;
/** Records that are run at a time. */
const MOST_RECORDS = 512;
const CONTROL_WORDS = 16;
const PATIENCE = 10_000;
/** Milliseconds that other threads are waited for. */
const LONGEST_START = 2000;
// As in assembly/index.ts.
const word = { gate: 0, inside: 1, records: 2, count: 3, patience: 4, quit: 5, scratch: 6, scratchBytes: 7 };

export class Pool {
  readonly heap: Heap;
  private readonly kernels: Kernels;
  private readonly control: number;
  private readonly records: number;
  private others: Thread[] = [];
  private disposed = false;

  constructor(private readonly processor: Processor) {
    const shared = processor.spawn !== null;
    const memory = makeMemory(shared);
    this.heap = new Heap(memory);
    const instance = new WebAssembly.Instance(processor.module, { env: { memory } });
    this.kernels = instance.exports as unknown as Kernels;
    this.control = this.heap.allocate(4 * CONTROL_WORDS);
    this.records = this.heap.allocate(4 * RECORD_WORDS * MOST_RECORDS);
    const words = this.heap.words;
    words.fill(0, this.control / 4, this.control / 4 + CONTROL_WORDS);
    words[this.control / 4 + word.records] = this.records;
    words[this.control / 4 + word.patience] = processor.patience ?? PATIENCE;
    const { spawn } = processor;
    if (!spawn) return;
    for (let i = 1; i < processor.threads; i++) {
      const start = { module: processor.module, memory, control: this.control, thread: i };
      const thread: Thread = spawn(start, () => {
        this.others = this.others.filter((other) => other !== thread);
      });
      this.others.push(thread);
    }
  }

  get simd(): SimdLevel {
    return this.processor.simd;
  }

  /** Threads for which scratch must be there: those that were started, whatever became of them. */
  get threads(): number {
    return this.processor.spawn ? this.processor.threads : 1;
  }

  /** Threads that compute now. */
  get working(): number {
    return 1 + this.others.length;
  }

  /**
   * Runs a list to its end.
   * @param scratch Address of the threads' scratch, and bytes of each.
   * @throws ThreadError where another thread ended amid its work: its results are lost, and from then on there is one thread
   */
  run(list: RecordList, scratch: { scratch: number; scratchBytes: number }): void {
    const control = this.control / 4;
    for (let first = 0; first < list.count; first += MOST_RECORDS) {
      const records = list.slice(first, MOST_RECORDS);
      const words = this.heap.words;
      words.set(records, this.records / 4);
      words[control + word.count] = records.length / RECORD_WORDS;
      words[control + word.scratch] = scratch.scratch;
      words[control + word.scratchBytes] = scratch.scratchBytes;
      if (this.kernels.run(this.control) === 0) continue;
      this.endOthers();
      throw new ThreadError('A thread of the processor ended amid its work.');
    }
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.endOthers();
  }

  /**
   * Resolves when the other threads are at work, or after so many milliseconds: they join in whenever they come. A
   * browser starts none of them while this thread has no turn to spare.
   */
  async started(longest = LONGEST_START): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, longest);
    });
    await Promise.race([Promise.all(this.others.map(({ started }) => started)), late]);
    clearTimeout(timer);
  }

  /** For tests: counts a thread as at work that never ends it. */
  pretendThreadDied(): void {
    Atomics.add(this.heap.words, this.control / 4 + word.inside, 1);
  }

  private endOthers(): void {
    const words = this.heap.words;
    Atomics.store(words, this.control / 4 + word.quit, 1);
    for (const thread of this.others) thread.terminate();
    this.others = [];
    Atomics.store(words, this.control / 4 + word.inside, 0);
  }
}

/** Another thread ended amid its work. What was to be computed may be asked for once more, of this thread alone. */
export class ThreadError extends Error {
  override name = 'ThreadError';
}

function makeMemory(shared: boolean): WebAssembly.Memory {
  for (let maximum = MOST_PAGES; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: 2, maximum, shared });
    } catch (error) {
      if (maximum <= LEAST_PAGES) throw error;
    }
  }
}
