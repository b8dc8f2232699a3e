/** @file The buttons of a run, and what is left of it when the page goes away. */
import { expect, quick, type Studio, smallDataset, test } from './studio';

/** Longer than any of these tests waits: the run is stopped, not awaited. */
const long = { ...quick, Steps: 5000 };

async function ready(studio: Studio): Promise<void> {
  await studio.open();
  await studio.openDataset(smallDataset(), 32);
  await studio.setToTheEnd(long);
}

test('a run can be paused, stepped, resumed and stopped', async ({ studio }) => {
  await ready(studio);
  await studio.button('Train').click();
  await expect.poll(() => studio.step()).toBeGreaterThan(2);
  await expect(studio.setting('Steps')).toBeDisabled();

  await studio.button('Pause').click();
  await studio.phase('paused');
  const paused = await studio.step();
  await studio.button('Step').click();
  await studio.reached(paused + 1, 5000);
  await studio.phase('paused');
  await studio.button('Step').click();
  await studio.reached(paused + 2, 5000);

  await studio.button('Resume').click();
  await expect.poll(() => studio.step()).toBeGreaterThan(paused + 4);
  await studio.button('Stop').click();
  await studio.phase('stopped');
  await expect(studio.button('Train')).toBeEnabled();
  await expect(studio.button('Download prompt')).toBeEnabled();
  await expect(studio.setting('Steps')).toHaveValue('5000');
});

test('Step begins a run of its own, one step at a time', async ({ studio }) => {
  await ready(studio);
  await studio.button('Step').click();
  await studio.reached(1, 5000);
  await studio.phase('paused');
  await expect(studio.neighbours).toBeVisible();
});

test('the same settings and seed give the same losses', async ({ studio }) => {
  await studio.open();
  await studio.openDataset(smallDataset(), 32);
  await studio.set({ ...quick, Steps: 20 });
  const run = async () => {
    await studio.button('Train').click();
    await expect(studio.button('Pause')).toBeVisible();
    await expect(studio.button('Pause')).toBeHidden();
    await studio.phase('finished');
  };
  await run();
  await expect.poll(() => studio.description()).toContain('Step 20 of 20');
  const first = await studio.stepLosses();
  expect(first).toHaveLength(20);
  await run();
  // The curve of the run before may stand for a moment, the one after must be the same.
  await expect.poll(() => studio.stepLosses()).toEqual(first);
});

test('a run goes on where it was when the page was reloaded in the middle of it', async ({
  studio,
  page,
}) => {
  await ready(studio);
  await studio.button('Train').click();
  await expect.poll(() => studio.step(), { timeout: 120_000 }).toBeGreaterThan(45);
  page.on('dialog', (dialog) => dialog.accept());
  const before = await studio.step();
  await page.reload();
  await studio.modelReady();

  const bar = page.getByRole('region', { name: 'Saved work' });
  await expect(bar).toContainText('reviews.csv');
  await bar.getByRole('button', { name: 'Continue' }).click();
  await expect.poll(() => studio.step()).toBeGreaterThanOrEqual(before - 20);
  await expect(studio.data).toContainText('32 rows');
  await expect.poll(() => studio.step(), { timeout: 120_000 }).toBeGreaterThan(before + 2);

  await studio.button('Pause').click();
  await studio.phase('paused');
  const restored = await studio.step();
  expect((await studio.stepLosses()).length).toBe(restored);
  await studio.button('Stop').click();
  await studio.phase('stopped');
});

test('saved work can be let go', async ({ studio, page }) => {
  await ready(studio);
  await studio.button('Step').click();
  await studio.phase('paused');
  await expect(studio.status).toContainText('saved at step 1');
  await page.reload();
  await studio.modelReady();
  const bar = page.getByRole('region', { name: 'Saved work' });
  await bar.getByRole('button', { name: 'Discard' }).click();
  await expect(bar).toBeHidden();
  await page.reload();
  await studio.modelReady();
  await expect(studio.button('Review sentiment')).toBeEnabled();
  await expect(bar).toBeHidden();
});

test('leaving while it trains asks first', async ({ studio, page }) => {
  await ready(studio);
  await studio.button('Train').click();
  await expect.poll(() => studio.step()).toBeGreaterThan(0);
  const asked = page.waitForEvent('dialog');
  const leaving = page.goto('about:blank').catch(() => null);
  const dialog = await asked;
  expect(dialog.type()).toBe('beforeunload');
  await dialog.dismiss();
  await leaving;
  await studio.button('Stop').click();
  await studio.phase('stopped');
});

test('a setting out of range is named, and keeps Train from starting until it is mended', async ({
  studio,
}) => {
  await studio.open();
  await studio.openDataset(smallDataset(), 32);
  await expect(studio.button('Train')).toBeEnabled();
  await studio.setting('Steps').fill('0');
  await expect(studio.panel('Settings').getByRole('alert')).toContainText('a whole number from 1');
  await expect(studio.button('Train')).toBeDisabled();
  await studio.setting('Steps').fill('2');
  await expect(studio.button('Train')).toBeEnabled();
});
