/**
 * @file The GPU device goes away, as drivers that crash take it: under a run, which comes back and ends as it would have; while the
 * engine is tried out, while a model loads, and under an answer.
 */
import type { Page } from '@playwright/test';
import { readPrompt } from './download';
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

/** Where the trainer destroys its device: each once, one after the other. */
type Moment = 'the engine is tried out' | 'weights are uploaded' | 'an answer is written';

/**
 * Lets the trainer destroy its device at these moments; before the page is opened, so that the first device is watched too.
 * @returns those that have come
 */
async function destroyAt(page: Page, moments: Moment[]): Promise<() => Promise<Moment[]>> {
  // Runs in the worker, before the trainer's own script makes anything of it.
  const watch = (moments: Moment[]) => {
    const reached: Moment[] = [];
    Object.assign(globalThis, { reached });
    let steps = 0;
    let tokens = 0;
    const at = (device: GPUDevice, moment: Moment) => {
      if (moments[reached.length] !== moment) return;
      reached.push(moment);
      device.destroy();
    };
    const devices = new WeakMap<GPUQueue, GPUDevice>();
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (descriptor) {
      // After a crash a driver takes its time; one that is back at once would leave nothing for the page to say.
      if (reached.length > 0) await new Promise((done) => setTimeout(done, 1000));
      const device = await requestDevice.call(this, descriptor);
      devices.set(device.queue, device);
      steps = 0;
      return device;
    };
    const { createCommandEncoder } = GPUDevice.prototype;
    GPUDevice.prototype.createCommandEncoder = function (descriptor) {
      const encoder = createCommandEncoder.call(this, descriptor);
      // The first step on a device that a page makes by itself is the one that the engine is tried out with.
      if (descriptor?.label === 'a training step' && ++steps === 1) at(this, 'the engine is tried out');
      // A run lets the model answer, too: what counts is what is asked once the test says so.
      const asked = (globalThis as { asked?: boolean }).asked === true;
      if (asked && descriptor?.label === 'a token of an answer' && ++tokens === 3)
        at(this, 'an answer is written');
      return encoder;
    };
    const { writeBuffer } = GPUQueue.prototype;
    GPUQueue.prototype.writeBuffer = function (...given: Parameters<GPUQueue['writeBuffer']>) {
      const device = devices.get(this);
      // Once the engine has been tried out, what is written in large pieces is the model.
      const large = given[2].byteLength > 50_000;
      if (device && steps > 0 && large) at(device, 'weights are uploaded');
      return writeBuffer.apply(this, given);
    };
  };
  await page.route('**/trainer.worker-*.js', async (route) => {
    const response = await route.fetch();
    const body = `(${watch})(${JSON.stringify(moments)});\n${await response.text()}`;
    await route.fulfill({ response, body });
  });
  return () => trainerOf(page).evaluate(() => (globalThis as unknown as { reached: Moment[] }).reached);
}

function trainerOf(page: Page) {
  const trainer = page.workers().find((worker) => worker.url().includes('trainer.worker'));
  if (!trainer) throw new Error('There is no trainer.');
  return trainer;
}

/** Keeps what the page says of a loss: where there is no model yet, it says so for a moment only. @returns what it has said */
async function listen(page: Page): Promise<() => Promise<string[]>> {
  await page.addInitScript(() => {
    const said = new Set<string>();
    Object.assign(globalThis, { said });
    new MutationObserver(() => {
      for (const note of document.querySelectorAll('.note')) {
        if (note.textContent?.includes('The graphics device was lost.')) said.add(note.textContent);
      }
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
  return () => page.evaluate(() => [...(globalThis as unknown as { said: Set<string> }).said]);
}

const lost = (page: Page) => page.getByText('The graphics device was lost.', { exact: true });
const COMPILING = { timeout: 400_000 };

test('a device that is destroyed while the engine is tried out, and the next while weights are uploaded, leave a page that trains', async ({
  studio,
  page,
}) => {
  test.setTimeout(900_000);
  const reached = await destroyAt(page, ['the engine is tried out', 'weights are uploaded']);
  const said = await listen(page);
  await page.goto(studio.address);
  // Dropped before there is a model: it waits for it, through both losses.
  await studio.drop(smallDataset());
  await expect(studio.panel('Model')).toContainText('parameters', COMPILING);
  expect(await reached()).toEqual(['the engine is tried out', 'weights are uploaded']);
  await expect(lost(page)).toBeHidden();
  expect((await said())[0]).toMatch(
    /The graphics device was lost.* It is being brought back\..*Bringing the model back\./,
  );

  // It is the loss that was noticed, not a driver that computes wrong numbers or does not run the engine.
  await expect(page.getByRole('banner')).toContainText('WebGPU');
  await expect(studio.panel('Model')).not.toContainText(/is used\./);
  await expect(studio.data).toContainText('reviews.csv');
  await expect(studio.data).toContainText('32 rows');
  await studio.set({ ...quick, Steps: 2 });
  await studio.button('Train').click();
  await studio.reached(2, 2);
  await studio.phase('finished');
});

test('a device that is destroyed under an answer cuts it short in words; data and prompt stay', async ({
  studio,
  page,
}, { outputDir }) => {
  test.setTimeout(900_000);
  const reached = await destroyAt(page, ['an answer is written']);
  await page.goto(studio.address);
  await expect(studio.panel('Model')).toContainText('parameters', COMPILING);
  await studio.openDataset(smallDataset(), 32);
  await studio.set({ ...quick, Steps: 2 });
  await studio.button('Train').click();
  await studio.reached(2, 2);
  await studio.phase('finished');
  const prompt = async (name: string) => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      studio.button('Download prompt').click(),
    ]);
    await download.saveAs(`${outputDir}/${name}.zip`);
    return readPrompt(`${outputDir}/${name}.zip`).values;
  };
  const before = await prompt('before');

  await page.getByText('Sampling', { exact: true }).click();
  await page.getByRole('spinbutton', { name: 'Most new tokens' }).fill('8');
  await page.getByRole('textbox', { name: 'Input', exact: true }).fill('The soup was cold.');
  await trainerOf(page).evaluate(() => void Object.assign(globalThis, { asked: true }));
  await studio.button('Generate').click();
  const error = page.getByRole('alert').filter({ hasText: 'The graphics device was lost' });
  await expect(error).toContainText('Try again once the page says that the device is back.', COMPILING);
  expect(await reached()).toEqual(['an answer is written']);
  await expect(page.getByRole('banner')).toContainText('WebGPU', COMPILING);
  await expect(lost(page)).toBeHidden(COMPILING);

  await expect(studio.data).toContainText('reviews.csv');
  await studio.button('Generate').click();
  for (const name of ['Without prompt', 'With prompt']) {
    const region = page.getByRole('region', { name, exact: true });
    await expect(region).toContainText(/[1-8] tokens? · /, COMPILING);
  }
  expect(await prompt('after')).toEqual(before);
});
