/** @file The GPU device goes away under a run, as drivers that crash take it: the run comes back and ends as it would have. */
import type { Page } from '@playwright/test';
import { expect, quick, type Studio, smallDataset, test } from './studio';

const STEPS = 16;

/** What the worker is made to count. */
interface Submits {
  made: number;
  /** The device is destroyed with this one. */
  last: number;
}

/** Has the worker that computes count its submits from now on; resolves with what it has counted before. */
async function countSubmits(page: Page, last = Number.POSITIVE_INFINITY): Promise<number> {
  const made = await Promise.all(
    page.workers().map((worker) =>
      worker.evaluate((last) => {
        const here = globalThis as { submits?: Submits };
        const { submits } = here;
        here.submits = { made: 0, last };
        if (submits) return submits.made;
        let device: GPUDevice | null = null;
        const { createCommandEncoder } = GPUDevice.prototype;
        GPUDevice.prototype.createCommandEncoder = function (...given) {
          device = this;
          return createCommandEncoder.apply(this, given);
        };
        const { submit } = GPUQueue.prototype;
        GPUQueue.prototype.submit = function (...given) {
          submit.apply(this, given);
          if (here.submits && ++here.submits.made === here.submits.last) device?.destroy();
        };
        return 0;
      }, last),
    ),
  );
  return Math.max(...made);
}

async function begin(studio: Studio): Promise<void> {
  await studio.button('Train').click();
  await expect(studio.button('Pause')).toBeVisible();
}

async function losses(studio: Studio): Promise<number[]> {
  await studio.reached(STEPS, STEPS);
  await studio.phase('finished');
  await expect.poll(() => studio.description()).toContain(`Step ${STEPS} of ${STEPS}`);
  return studio.stepLosses();
}

test('a run whose device is destroyed in its middle ends with the losses of an undisturbed one', async ({
  studio,
  page,
}) => {
  // Everything is compiled twice, by a software GPU on busy cores.
  test.setTimeout(900_000);
  await page.goto(studio.address);
  await expect(studio.panel('Model')).toContainText('parameters', { timeout: 400_000 });
  await studio.openDataset(smallDataset(), 32);
  await studio.set({ ...quick, Steps: STEPS });
  await countSubmits(page);
  await begin(studio);
  const undisturbed = await losses(studio);
  expect(undisturbed).toHaveLength(STEPS);

  const submits = await countSubmits(page);
  expect(submits).toBeGreaterThan(STEPS);
  await countSubmits(page, Math.floor(0.6 * submits));
  await begin(studio);
  await expect(page.getByText('The graphics device was lost.', { exact: true })).toBeVisible();
  await expect(studio.status).toContainText('device lost, coming back');

  await expect(studio.status).not.toContainText('device lost', { timeout: 240_000 });
  await expect(page.getByRole('banner')).toContainText('WebGPU');
  expect(await losses(studio)).toEqual(undisturbed);
  await expect(studio.panel('Train')).toContainText('the run was taken up from');
  await expect(studio.button('Download prompt')).toBeEnabled();
});
