/** @file The GPU device goes away under a run, as drivers that crash take it: the run comes back and ends as it would have. */
import type { Page } from '@playwright/test';
import { expect, quick, type Studio, smallDataset, test } from './studio';

const STEPS = 16;

/** Has the worker remember the device that it computes on, from its next submit on. */
async function watchDevice(page: Page): Promise<void> {
  for (const worker of page.workers()) {
    await worker.evaluate(() => {
      const { createCommandEncoder } = GPUDevice.prototype;
      GPUDevice.prototype.createCommandEncoder = function (...given) {
        Object.assign(globalThis, { presentDevice: this });
        return createCommandEncoder.apply(this, given);
      };
    });
  }
}

/** Destroys the device that the worker computes on. */
async function destroyDevice(page: Page): Promise<void> {
  const destroyed = await Promise.all(
    page.workers().map((worker) =>
      worker.evaluate(() => {
        const { presentDevice } = globalThis as { presentDevice?: GPUDevice };
        presentDevice?.destroy();
        return presentDevice !== undefined;
      }),
    ),
  );
  expect(destroyed, 'a worker has a device').toContain(true);
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
  await begin(studio);
  const undisturbed = await losses(studio);
  expect(undisturbed).toHaveLength(STEPS);

  await watchDevice(page);
  await begin(studio);
  await expect.poll(() => studio.step(), { timeout: 240_000 }).toBeGreaterThan(5);
  expect(await studio.step()).toBeLessThan(STEPS);
  await destroyDevice(page);
  await expect(page.getByText('The graphics device was lost.', { exact: true })).toBeVisible();
  await expect(studio.status).toContainText('device lost, coming back');

  await expect(studio.status).not.toContainText('device lost', { timeout: 240_000 });
  await expect(page.getByRole('banner')).toContainText('WebGPU');
  expect(await losses(studio)).toEqual(undisturbed);
  await expect(studio.panel('Train')).toContainText('the run was taken up from');
  await expect(studio.button('Download prompt')).toBeEnabled();
});
