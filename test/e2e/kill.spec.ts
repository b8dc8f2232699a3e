/**
 * @file One run whose tab is killed again and again, at random steps and moments, as a browser that crashes does. Each
 * time it goes on from what was saved: at most 20 steps are lost, and in the end its losses are those of a run that nobody
 * disturbed. `npm run kill` does it many times; here it is a few.
 */
import type { BrowserContext, Page } from '@playwright/test';
import { createRandom } from '../../app/formats/random';
import { expect, quick, Studio, smallDataset, test } from './studio';

const KILLS = Number(process.env.KILLS ?? 2);
const SEED = Number(process.env.SEED ?? 1);
const MOST_LOST = 20;
/** More than any number of kills gets to. */
const STEPS = 50_000;
/** Each life of the tab makes up to so many steps, and may end so many milliseconds into one. */
const LIFE = 30;
const MOMENT = 150;

/** Ends the process that the page and its worker run in. */
async function kill(context: BrowserContext, page: Page): Promise<void> {
  const crashed = page.waitForEvent('crash');
  const session = await context.newCDPSession(page);
  void session.send('Page.crash').catch(() => undefined);
  await crashed;
  await page.close();
}

/** What is kept of the run saved last: the losses of its steps, straight from the database. */
function keptLosses(page: Page): Promise<{ step: number; losses: number[] }> {
  return page.evaluate(async () => {
    const result = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const database = await result(indexedDB.open('soft-prompt-studio-runs'));
    const stores = database.transaction(['runs', 'history']);
    const rows = await result(stores.objectStore('runs').getAll());
    const last = rows.reduce((a, b) => (b.order > a.order ? b : a));
    const pieces = await result(stores.objectStore('history').getAll());
    database.close();
    const losses = pieces
      .filter(({ runId, piece }) => runId === last.runId && piece >= last.firstPiece)
      .slice(0, last.pieces)
      .flatMap(({ steps }) => steps.map(({ loss }: { loss: number }) => loss));
    return { step: last.step, losses };
  });
}

test(`a run whose tab is killed ${KILLS} times loses 20 steps a time at most, and nothing wrong is kept`, async ({
  server,
  context,
}) => {
  test.setTimeout(120_000 + KILLS * 30_000);
  const random = createRandom(SEED);
  const open = async () => {
    const studio = new Studio(await context.newPage(), server);
    await studio.open();
    return studio;
  };
  let studio = await open();
  await studio.openDataset(smallDataset(), 32);
  await studio.setToTheEnd({ ...quick, Steps: STEPS });
  await studio.button('Train').click();
  // Before the first checkpoint there is no run to go on with.
  await expect(studio.status).toContainText('saved at step', { timeout: 120_000 });

  let kept = 0;
  let worst = 0;
  for (let killed = 0; killed < KILLS; killed++) {
    const target = kept + 1 + random.int(LIFE);
    await expect
      .poll(() => studio.step(), { timeout: 120_000, intervals: [20] })
      .toBeGreaterThanOrEqual(target);
    await studio.page.waitForTimeout(random.int(MOMENT));
    const shown = await studio.step();
    await kill(context, studio.page);

    studio = await open();
    const { step, losses } = await keptLosses(studio.page);
    expect(losses).toHaveLength(step);
    expect(step).toBeGreaterThanOrEqual(kept);
    worst = Math.max(worst, shown - step);
    expect(shown - step).toBeLessThanOrEqual(MOST_LOST);
    kept = step;
    await studio.page.getByRole('button', { name: 'Continue' }).click();
    await expect.poll(() => studio.step(), { timeout: 60_000 }).toBeGreaterThanOrEqual(step);
  }
  await expect.poll(() => studio.step()).toBeGreaterThan(kept + 2);
  await studio.button('Stop').click();
  await studio.phase('stopped');
  await expect(studio.status).toContainText(`saved at step ${await studio.step()}`);
  const disturbed = await keptLosses(studio.page);

  // The new run has the same settings, which a page that was opened anew does not know.
  await studio.setToTheEnd({ ...quick, Steps: STEPS });
  await studio.button('Train').click();
  await studio.phase('training');
  await expect
    .poll(() => studio.step(), { timeout: 60_000 + 500 * disturbed.step })
    .toBeGreaterThan(disturbed.step);
  await studio.button('Stop').click();
  await studio.phase('stopped');
  await expect(studio.status).toContainText(`saved at step ${await studio.step()}`);
  const undisturbed = await keptLosses(studio.page);
  const at = disturbed.losses.findIndex((loss, index) => loss !== undisturbed.losses[index]);
  const said = (run: typeof disturbed) => `${run.losses[at]}`;
  expect(at, `step ${at + 1}: ${said(disturbed)}, undisturbed ${said(undisturbed)}`).toBe(-1);
  console.log(
    `${KILLS} kills, seed ${SEED}: ${disturbed.step} steps kept, at most ${worst} lost at a kill, 0 losses other than undisturbed.`,
  );
});
