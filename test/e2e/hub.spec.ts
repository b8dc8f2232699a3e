/**
 * @file Models from a Hub in a real browser, with its private file system and a GPU: kept, resumed, read without a
 * network; and a large one, of which the page never holds more than a few pieces.
 */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type CDPSession, chromium, type Page } from '@playwright/test';
import { llamaFiles, type ModelSize } from '../hub/model';
import { type HubFile, HubServer } from '../hub/server';
import { test as base, expect, Studio } from './studio';

const MIB = 2 ** 20;
const commit = 'c0ffee0000'.repeat(4);
const weights = 'model.safetensors';

/** A Hub, and a browser with a profile on the disk: what a private window keeps is in memory. */
const test = base.extend<{ hub: HubServer; context: BrowserContext; studio: Studio }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern
  hub: async ({}, use) => {
    const hub = await HubServer.start();
    await use(hub);
    await hub.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: as above
  context: async ({}, use, { project }) => {
    const profile = await mkdtemp(join(tmpdir(), 'studio-profile-'));
    const context = await chromium.launchPersistentContext(profile, project.use.launchOptions);
    await use(context);
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  },
  page: async ({ context }, use) => use(await context.newPage()),
  studio: async ({ page, server, hub }, use) => {
    const studio = new Studio(page, `${server}?hub=${hub.url}`);
    await studio.open();
    await use(studio);
  },
});

// A software GPU compiles the kernels of each model, on the cores that everything else runs on.
const arrival = { timeout: 180_000 };
test.describe.configure({ timeout: 600_000 });

function publish(hub: HubServer, id: string, size: ModelSize): ReadonlyMap<string, HubFile> {
  const files = llamaFiles(size);
  hub.models.set(id, { refs: { main: commit }, commits: { [commit]: files } });
  return files;
}

async function load(studio: Studio, id: string): Promise<void> {
  await studio.loadModel(id);
  await expect(studio.panel('Model')).toContainText(`${id} @${commit.slice(0, 7)}`, arrival);
}

async function back(studio: Studio): Promise<void> {
  await studio.button('Back to the embedded model').click();
  // Its name is shown while it is on its way, too.
  await expect(studio.panel('Model')).toContainText('Embedded model', arrival);
  await expect(studio.button('Cancel loading')).toBeHidden(arrival);
}

test('a model of the Hub is kept as it comes, goes on after a cut, and needs no network afterwards', async ({
  studio,
  hub,
  context,
}) => {
  const id = 'someone/small-llama';
  const files = publish(hub, id, { vocab: 32768, hidden: 256, layers: 2, mlp: 512, shards: 3 });
  const size = [...files.values()].reduce((sum, file) => sum + file.size, 0);
  hub.troubles.cutAfter = 10 * MIB;
  await studio.loadModel(id);
  await expect(studio.panel('Model').getByRole('alert')).toContainText('broke off after', arrival);

  hub.reset();
  await load(studio, id);
  expect(hub.cdnBytes).toBeGreaterThan(0);
  expect(hub.cdnBytes).toBeLessThan(size - 9 * MIB);
  await back(studio);

  hub.reset();
  await load(studio, id);
  expect(hub.requests.filter(({ method }) => method !== 'OPTIONS').map(({ path }) => path)).toEqual([
    `/api/models/${id}/revision/main?blobs=true`,
  ]);
  await back(studio);

  await context.setOffline(true);
  await load(studio, id);
});

/** Of the streamed model. A quarter of a gigabyte shows a heap that grows with it as well as a whole one does, and sooner: `GIGABYTE=1` takes that. */
const streamed: ModelSize = { vocab: 4096, hidden: 2048, layers: process.env.GIGABYTE ? 8 : 2, mlp: 8192 };

test('a large model streams to the GPU while the worker’s heap grows by less than 64 MiB', async ({
  studio,
  hub,
  page,
}, info) => {
  const id = 'someone/large-llama';
  const files = publish(hub, id, streamed);
  const size = files.get(weights)?.size ?? 0;
  expect(size).toBeGreaterThan(process.env.GIGABYTE ? 1e9 : 2.5e8);
  const heap = await WorkerHeap.attach(page);
  for (const visit of ['download', 'from this machine']) {
    const before = await heap.settled();
    heap.watch();
    await load(studio, id);
    const { peak, samples } = await heap.stop();
    const growth = (peak - before) / MIB;
    info.annotations.push({
      type: 'heap',
      description: `${visit}: ${(size / MIB).toFixed(0)} MiB of weights, heap ${(before / MIB).toFixed(1)} MiB before, at most ${growth.toFixed(1)} MiB more (${samples} samples)`,
    });
    console.log(info.annotations.at(-1)?.description);
    expect(samples).toBeGreaterThan(20);
    expect(growth).toBeLessThan(64);
    await back(studio);
  }
});

/** The trainer's JavaScript heap, array buffers included, whether or not its garbage has been collected. */
class WorkerHeap {
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
