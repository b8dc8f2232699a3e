/** @file What befalls a page: its worker ends, its tab is killed, its disk is full, it is opened twice, part of it fails. */
import type { Page } from '@playwright/test';
import type { NeighbourTable } from '../../app/workers/protocol';
import { simulate, tell } from './simulated';
import { expect, quick, Studio, smallDataset, test } from './studio';

/** Longer than any of these tests waits: the run is stopped, not awaited. */
const long = { ...quick, Steps: 5000 };

async function ready(studio: Studio): Promise<void> {
  await studio.open();
  await studio.openDataset(smallDataset(), 32);
  await studio.setToTheEnd(long);
}

async function trainPast(studio: Studio, step: number): Promise<void> {
  await studio.button('Train').click();
  await expect.poll(() => studio.step(), { timeout: 120_000 }).toBeGreaterThan(step);
}

/** Keeps hold of every worker that the page makes, so that a test can end one as a browser would. */
async function holdWorkers(page: Page): Promise<() => Promise<void>> {
  await page.addInitScript(() => {
    const made: Worker[] = [];
    const Original = Worker;
    Object.assign(globalThis, { made });
    globalThis.Worker = class extends Original {
      constructor(...given: ConstructorParameters<typeof Worker>) {
        super(...given);
        made.push(this);
      }
    };
  });
  return () => page.evaluate(() => (globalThis as unknown as { made: Worker[] }).made.at(-1)?.terminate());
}

const notice = (page: Page) => page.getByRole('alert').filter({ hasText: 'The trainer has ended' });

test('a worker that is killed in the middle of a run is named, and the work comes back', async ({
  studio,
  page,
}) => {
  const kill = await holdWorkers(page);
  await ready(studio);
  await trainPast(studio, 40);
  const before = await studio.step();
  await kill();
  await expect(notice(page)).toContainText('settings and the last saved state of the run are kept');
  await studio.phase('paused');
  await expect(studio.button('Resume')).toBeDisabled();
  await expect(studio.setting('Steps')).toHaveValue('5000');

  await page.getByRole('button', { name: 'Start again' }).click();
  await expect(notice(page)).toBeHidden({ timeout: 120_000 });
  await studio.phase('paused');
  const restored = await studio.step();
  expect(restored).toBeLessThanOrEqual(before + 20);
  expect(restored).toBeGreaterThanOrEqual(before - 20);
  expect((await studio.stepLosses()).length).toBe(restored);
  await expect(studio.data).toContainText('reviews.csv');
  await expect(studio.data).toContainText('32 rows');
  await expect(studio.setting('Steps')).toHaveValue('5000');
  await studio.button('Resume').click();
  await expect.poll(() => studio.step()).toBeGreaterThan(restored + 2);
  await studio.button('Stop').click();
  await studio.phase('stopped');
  await expect(studio.button('Download prompt')).toBeEnabled();
});

test('a worker that is killed before any run leaves the dataset, its options and the settings', async ({
  studio,
  page,
}) => {
  const kill = await holdWorkers(page);
  await ready(studio);
  await kill();
  await expect(notice(page)).toBeVisible();
  await expect(studio.button('Train')).toBeDisabled();
  await page.getByRole('button', { name: 'Start again' }).click();
  await expect(notice(page)).toBeHidden({ timeout: 120_000 });
  await expect(studio.data).toContainText('reviews.csv');
  await studio.button('Step').click();
  await studio.reached(1, 5000);
});

test('a full disk is told while training goes on, and the last whole checkpoint stays', async ({
  studio,
  page,
}) => {
  await ready(studio);
  await trainPast(studio, 20);
  await expect(studio.status).toContainText('saved at step');
  /** Every write from now on fails as it does on a full disk. */
  await Promise.all(
    // Not the processor's threads, which wait for work and answer nothing else.
    page
      .workers()
      .filter((worker) => worker.url().includes('trainer.worker'))
      .map((worker) =>
        worker.evaluate(() => {
          IDBObjectStore.prototype.put = () => {
            throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
          };
        }),
      ),
  );
  const train = studio.panel('Train');
  await expect(train).toContainText('The browser has no room left for this page', { timeout: 120_000 });
  await expect(train).toContainText('Training goes on');
  const told = await studio.step();
  await expect.poll(() => studio.step(), { timeout: 120_000 }).toBeGreaterThan(told + 20);
  const kept = Number(/saved at step (\d+)/.exec((await studio.status.textContent()) ?? '')?.[1]);
  expect(kept).toBeLessThan(told);

  page.on('dialog', (dialog) => dialog.accept());
  await page.reload();
  await studio.modelReady();
  await page.getByRole('button', { name: 'Continue' }).click();
  // It goes on from there, and nothing before it is missing.
  await expect.poll(() => studio.step(), { timeout: 120_000 }).toBeGreaterThan(kept);
  await studio.button('Pause').click();
  await studio.phase('paused');
  expect((await studio.stepLosses()).length).toBe(await studio.step());
});

test('a run that is open in another tab is only shown, and can be had when that tab is closed', async ({
  studio,
  page,
  context,
}) => {
  await ready(studio);
  await trainPast(studio, 20);
  await expect(studio.status).toContainText('saved at step');

  const other = await context.newPage();
  const second = new Studio(other, studio.address);
  await second.open();
  const bar = other.getByRole('region', { name: 'Saved work' });
  await expect(bar).toContainText('A run in another tab');
  await expect(bar).toContainText('It can be continued here when that tab is closed');
  await expect(bar.getByRole('button', { name: 'Continue' })).toBeDisabled();
  await expect(bar.getByRole('button', { name: 'Discard' })).toBeDisabled();

  const made = await studio.step();
  await page.close();
  await expect(bar.getByRole('button', { name: 'Continue' })).toBeEnabled();
  await expect(bar).toContainText('A run from last time');
  await bar.getByRole('button', { name: 'Continue' }).click();
  await expect.poll(() => second.step(), { timeout: 60_000 }).toBeGreaterThanOrEqual(made - 20);
  const restored = await second.step();
  await expect.poll(() => second.step()).toBeGreaterThan(restored);
  await second.button('Stop').click();
  await second.phase('stopped');
});

test('an old tab lets a newer version of the page have the runs at once, and says so', async ({
  studio,
  page,
  context,
}) => {
  await ready(studio);
  await studio.button('Step').click();
  await expect(studio.status).toContainText('saved at step 1');
  const newer = await context.newPage();
  await newer.goto(`${studio.address}datasets/index.json`);
  const runs = await newer.evaluate(
    () =>
      new Promise<number>((resolve, reject) => {
        const opening = indexedDB.open('soft-prompt-studio-runs', 1000);
        opening.onerror = () => reject(opening.error);
        opening.onblocked = () => reject(new Error('It had to wait for the old tab.'));
        opening.onsuccess = () => {
          const counting = opening.result.transaction('runs').objectStore('runs').count();
          counting.onsuccess = () => resolve(counting.result);
        };
      }),
  );
  expect(runs).toBe(1);
  await expect(page.getByRole('alert')).toContainText('belong to a newer version of this page');
  await studio.button('Step').click();
  await studio.reached(2, 5000);
  await expect(studio.panel('Train')).toContainText('Download the prompt if you want to keep it');
});

test('a panel that cannot be drawn says so in its place, and the others go on', async ({ studio, page }) => {
  await simulate(page);
  await studio.open();
  await studio.button('Review sentiment').click();
  await studio.button('Train').click();
  await tell(page, { type: 'neighbours', runId: 'run', table: { rows: 5 } as unknown as NeighbourTable });
  const broken = studio.panel('Inside the prompt');
  await expect(broken.getByRole('alert')).toContainText('This part of the page could not be shown.');
  await expect(studio.button('Pause')).toBeEnabled();
  await expect(studio.panel('Model')).toContainText('parameters');

  await tell(page, {
    type: 'runStarted',
    runId: 'next',
    settings: {} as never,
    history: { steps: [], validations: [] },
    state: { phase: 'paused', step: 0, steps: 5, bestStep: 0, leader: 0, lanes: [] },
  });
  await broken.getByRole('button', { name: 'Show it again' }).click();
  await expect(broken.getByRole('alert')).toBeHidden();
});
