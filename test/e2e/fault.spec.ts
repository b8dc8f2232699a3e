/** @file The GPU device goes away under a run, as drivers that crash take it: the run comes back and ends as it would have. */
import type { Page } from '@playwright/test';
import { expect, quick, type Studio, smallDataset, test } from './studio';

const STEPS = 16;

/** Training steps, counted from now on with those that are made again, at which the worker's device is destroyed. */
async function destroyAtSteps(page: Page, steps: number[]): Promise<void> {
  await Promise.all(
    page.workers().map((worker) =>
      worker.evaluate((steps) => {
        let made = 0;
        const { createCommandEncoder } = GPUDevice.prototype;
        GPUDevice.prototype.createCommandEncoder = function (descriptor) {
          const encoder = createCommandEncoder.call(this, descriptor);
          if (descriptor?.label === 'a training step' && steps.includes(++made)) this.destroy();
          return encoder;
        };
      }, steps),
    ),
  );
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

test('a run whose device is destroyed twice ends with the losses of an undisturbed one', async ({
  studio,
  page,
}) => {
  // Everything is compiled three times, by a software GPU on busy cores.
  test.setTimeout(900_000);
  await page.goto(studio.address);
  await expect(studio.panel('Model')).toContainText('parameters', { timeout: 400_000 });
  await studio.openDataset(smallDataset(), 32);
  await studio.set({ ...quick, Steps: STEPS });
  await begin(studio);
  const undisturbed = await losses(studio);
  expect(undisturbed).toHaveLength(STEPS);

  await destroyAtSteps(page, [6, 12]);
  await begin(studio);
  await expect(page.getByText('The graphics device was lost.', { exact: true })).toBeVisible();
  await expect(studio.status).toContainText('device lost, coming back');
  await expect(studio.status).not.toContainText('device lost', { timeout: 240_000 });
  await expect(studio.status).toContainText('device lost, coming back', { timeout: 60_000 });
  await expect(studio.status).not.toContainText('device lost', { timeout: 240_000 });
  await expect(page.getByRole('banner')).toContainText('WebGPU');
  expect(await losses(studio)).toEqual(undisturbed);
  await expect(studio.panel('Train')).toContainText('the run was taken up from');
  await expect(studio.button('Download prompt')).toBeEnabled();
});
