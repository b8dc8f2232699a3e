/** @file What is brought before its time waits for it, and what cannot begin now says why. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { root } from '../../tools/setup/project.mjs';
import { simulate } from './simulated';
import { expect, type Studio, smallDataset, test } from './studio';

const WEIGHTS = '**/models/studio-2.6m/model.safetensors';
const WORKER = '**/trainer.worker-*.js';
const adapter = ['adapter_config.json', 'adapter_model.safetensors'].map((name) => ({
  name,
  content: readFileSync(join(root, 'test', 'fixtures', 'prompts', 'studio', name)),
}));

/** Keeps an answer back until it is let go. */
async function hold(page: Page, url: string): Promise<() => void> {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(url, async (route) => {
    await held;
    await route.continue();
  });
  return release;
}

/** The page as it first stands there: the worker's script has not even come. */
async function firstPaint(studio: Studio, page: Page): Promise<void> {
  await page.goto(studio.address, { waitUntil: 'commit' });
  await expect(studio.data).toBeVisible();
}

test('a file dropped at first paint waits for the model and opens', async ({ studio, page }) => {
  const startWorker = await hold(page, WORKER);
  const sendWeights = await hold(page, WEIGHTS);
  await firstPaint(studio, page);
  await studio.drop(smallDataset());
  const waits = studio.data.getByText(/reviews\.csv.* opens as soon as the model is ready/);
  await expect(waits).toBeVisible();
  startWorker();
  await expect(studio.panel('Model')).toContainText('Downloading');
  await expect(waits).toBeVisible();
  await expect(studio.data.getByRole('alert')).toBeHidden();
  await expect(studio.button('Train')).toBeDisabled();
  sendWeights();
  await expect(studio.data).toContainText('32 rows');
  await expect(studio.button('Train')).toBeEnabled();
});

test('a prompt file dropped at first paint waits for the model and opens', async ({ studio, page }) => {
  const sendWeights = await hold(page, WEIGHTS);
  await firstPaint(studio, page);
  await studio.drop(adapter);
  await expect(studio.prompt).toContainText('opens as soon as the model is ready');
  sendWeights();
  await expect(studio.prompt).toContainText('from a file');
  await expect(studio.prompt).toContainText('3 virtual tokens');
});

test('a file that waits is kept when the model cannot be loaded, and opens with the next', async ({
  studio,
  page,
}) => {
  await page.route(WEIGHTS, (route) => route.fulfill({ status: 404, body: 'gone' }), { times: 1 });
  await firstPaint(studio, page);
  await studio.drop(smallDataset());
  const alert = studio.panel('Model').getByRole('alert');
  await expect(alert).toContainText('model.safetensors');
  await expect(studio.data).toContainText(/reviews\.csv.* opens as soon as the model is ready/);
  await alert.getByRole('button', { name: /^(Try again|Resume from)/ }).click();
  await expect(studio.data).toContainText('32 rows');
});

test('what waits can be let go, or give way to something else', async ({ studio, page }) => {
  const sendWeights = await hold(page, WEIGHTS);
  await firstPaint(studio, page);
  await studio.drop(smallDataset());
  const waits = studio.data.getByText('opens as soon as the model is ready');
  await expect(waits).toBeVisible();
  await studio.data.getByRole('button', { name: 'Cancel opening' }).click();
  await expect(waits).toBeHidden();
  await studio.drop(smallDataset());
  await expect(waits).toBeVisible();
  await studio.button('Customer intent').click();
  await expect(waits).toContainText('Customer intent');
  sendWeights();
  await expect(studio.data).toContainText('200 rows for training');
  await expect(studio.data.getByRole('alert')).toBeHidden();
});

test('a template or an option that cannot be used keeps Train from starting, and says why', async ({
  studio,
  page,
}) => {
  await studio.open();
  await studio.openDataset(smallDataset(), 32);
  await expect(studio.button('Train')).toBeEnabled();
  await page.getByText('Columns and split', { exact: true }).click();
  const template = studio.data.getByRole('textbox', { name: 'The model reads' });
  const before = await template.inputValue();
  await template.fill('Review: {nothing}');
  await expect(studio.panel('Train')).toContainText('names a column “nothing” that does not exist');
  await expect(studio.button('Train')).toBeDisabled();
  await template.fill(before);
  await expect(studio.button('Train')).toBeEnabled();

  const longest = studio.data.getByRole('spinbutton', { name: 'Longest example' });
  await longest.fill('1');
  await longest.blur();
  await expect(studio.panel('Train')).toContainText('Longest example: Enter a whole number from');
  await expect(studio.button('Train')).toBeDisabled();
  await longest.fill('64');
  await expect(studio.button('Train')).toBeEnabled();
});

test('no run begins while another model is loading', async ({ studio, page }) => {
  await simulate(page);
  await studio.open();
  await studio.button('Review sentiment').click();
  await expect(studio.button('Train')).toBeEnabled();
  await studio.loadModel('slow/model');
  await expect(studio.panel('Train')).toContainText('Another model is loading');
  await expect(studio.button('Train')).toBeDisabled();
  await expect(studio.button('Step')).toBeDisabled();
  await studio.button('Cancel loading').click();
  await expect(studio.button('Train')).toBeEnabled();
});

test('an address that is none is refused with words while it is typed', async ({ studio, page }) => {
  await simulate(page);
  await studio.open();
  await studio.button('Choose a model…').click();
  const box = studio.chooser.getByRole('textbox');
  await box.fill('https://huggingface.co/%zz/model');
  await expect(studio.chooser).toContainText('a % is not followed by');
  await box.fill('https://huggingface.co/openai-community/gpt2');
  await expect(studio.chooser).toContainText('Enter loads openai-community/gpt2');
});
