/** @file The memory of the page's worker, through Chromium's debugger. */
import type { CDPSession, Page } from '@playwright/test';

/** The trainer's JavaScript heap, array buffers included, whether or not its garbage has been collected. */
export class WorkerHeap {
  private readonly answers = new Map<number, (result: Record<string, number>) => void>();
  private asked = 0;
  private sessionId = '';
  private watching: Promise<void> | null = null;
  private on = false;
  private peak = 0;
  private samples = 0;

  private constructor(private readonly session: CDPSession) {}

  static async attach(page: Page): Promise<WorkerHeap> {
    const session = await page.context().newCDPSession(page);
    const heap = new WorkerHeap(session);
    const attached = new Promise<void>((done) => {
      session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
        if (targetInfo.type !== 'worker' || heap.sessionId) return;
        heap.sessionId = sessionId;
        done();
      });
    });
    session.on('Target.receivedMessageFromTarget', ({ message }) => {
      const { id, result } = JSON.parse(message);
      heap.answers.get(id)?.(result);
      heap.answers.delete(id);
    });
    await session.send('Target.setAutoAttach', {
      autoAttach: true,
      waitForDebuggerOnStart: false,
      flatten: false,
    });
    await attached;
    return heap;
  }

  private ask(method: string): Promise<Record<string, number>> {
    const id = ++this.asked;
    return new Promise((done) => {
      this.answers.set(id, done);
      const message = JSON.stringify({ id, method });
      void this.session.send('Target.sendMessageToTarget', { sessionId: this.sessionId, message });
    });
  }

  private async used(): Promise<number> {
    const { usedSize, embedderHeapUsedSize, backingStorageSize } = await this.ask('Runtime.getHeapUsage');
    return usedSize + embedderHeapUsedSize + backingStorageSize;
  }

  /** Bytes once garbage is collected. */
  async settled(): Promise<number> {
    await this.ask('HeapProfiler.collectGarbage');
    return this.used();
  }

  watch(): void {
    this.on = true;
    this.peak = 0;
    this.samples = 0;
    this.watching = (async () => {
      while (this.on) {
        this.peak = Math.max(this.peak, await this.used());
        this.samples++;
      }
    })();
  }

  async stop(): Promise<{ peak: number; samples: number }> {
    this.on = false;
    await this.watching;
    return { peak: this.peak, samples: this.samples };
  }
}
