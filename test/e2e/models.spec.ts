/**
 * @file Choosing models, the access token, what is kept, memory, and a device that goes away: the page's side of them,
 * with a simulated trainer that brings about what no test machine has.
 */
import type { Page } from '@playwright/test';
import { simulate, tell } from './simulated';
import { expect, type Studio, test } from './studio';

const smol = 'HuggingFaceTB/SmolLM2-135M';
const qwen = 'Qwen/Qwen2.5-0.5B-Instruct';
const gemma = 'google/gemma-3-270m-it';
const goodToken = 'hf_simulatedGoodToken';
const tokenKey = 'soft-prompt-studio.hub-token';

test.beforeEach(async ({ page }) => simulate(page));

async function withData(studio: Studio): Promise<void> {
  await studio.button('Review sentiment').click();
  await expect(studio.data).toContainText('306 rows for training');
  await expect(studio.button('Train')).toBeEnabled();
}

const storedToken = (page: Page) => page.evaluate((key) => localStorage.getItem(key), tokenKey);

test('the list says what matters before a download, what fits first, and can be searched', async ({
  studio,
  page,
}) => {
  await studio.open();
  await studio.button('Choose a model…').click();
  const rows = studio.chooser.getByRole('row');
  await expect(rows.filter({ hasText: smol })).toContainText(/135 M.*269 MB.*kept in this browser.*fits/);
  await expect(rows.filter({ hasText: gemma })).toContainText(/chat.*gated/);
  const groups = studio.chooser.getByRole('rowheader').filter({ hasText: /^(Fit|Too)/ });
  await expect(groups).toHaveText(['Fit the memory that may be used', 'Fit with 8-bit weights']);
  await expect(studio.chooser.getByRole('button', { name: 'Load in 8 bits: Phi-1.5' })).toBeVisible();

  await page.keyboard.type('languages instruct');
  await expect(studio.chooser.getByRole('button', { name: /^Load: / })).toHaveCount(2);
  await studio.chooser.getByRole('button', { name: 'Load: Qwen2.5 0.5B Instruct' }).click();
  await expect(studio.chooser).toBeHidden();
  await expect(studio.panel('Model')).toContainText(`${qwen} @9c1f3f4`);
});

test('a name with a revision is loaded by Enter, and what is no name is refused with words', async ({
  studio,
  page,
}) => {
  await studio.open();
  await studio.button('Choose a model…').click();
  await page.keyboard.type('nonsense');
  await expect(studio.chooser).toContainText('“nonsense” is not a name on the Hub');
  await expect(studio.chooser.getByRole('button', { name: 'Load', exact: true })).toBeDisabled();
  await studio.chooser.getByRole('textbox').fill('someone/mine@v2');
  await expect(studio.chooser).toContainText('Enter loads someone/mine@v2 from huggingface.co');
  await page.keyboard.press('Enter');
  await expect(studio.panel('Model')).toContainText('someone/mine');
  await studio.button('Back to the embedded model').click();
  await expect(studio.panel('Model')).toContainText('Embedded model');
});

test('a download shows speed and time left, can be cancelled, and goes on after it broke', async ({
  studio,
}) => {
  const panel = studio.panel('Model');
  await studio.open();
  await studio.loadModel('slow/model');
  await expect(panel).toContainText('117 MB of 271 MB · 11.4 MB/s · 14 s left');
  await studio.button('Cancel loading').click();
  await expect(panel).toContainText('Loading slow/model was cancelled; 117 MB of 271 MB are kept.');
  await expect(panel).toContainText('Embedded model');

  await studio.loadModel('broken/model');
  await expect(panel.getByRole('alert')).toContainText('The connection to huggingface.co broke');
  await expect(panel.getByRole('alert')).toContainText('Embedded model (studio-2.6m) stays in use');
  await studio.button('Resume from 118 MB of 271 MB').click();
  await expect(panel).toContainText('broken/model');
  await expect(panel.getByRole('alert')).toBeHidden();
});

test('a gated model asks for the token where it was refused; the token is kept only where the person says so', async ({
  studio,
  page,
}) => {
  const panel = studio.panel('Model');
  await studio.open();
  await studio.loadModel(gemma);
  await expect(panel.getByRole('alert')).toContainText('gated');
  const field = panel.getByLabel('Hugging Face access token');
  await expect(field).toHaveAttribute('type', 'password');
  await field.fill('hf_of somebody');
  await panel.getByRole('button', { name: 'Use it and try again' }).click();
  await expect(panel).toContainText('A token has no spaces');
  await field.fill(goodToken);
  await panel.getByRole('button', { name: 'Use it and try again' }).click();
  await expect(studio.panel('Model')).toContainText(`${gemma} @`);
  expect(await storedToken(page)).toBeNull();

  await page.reload();
  await studio.modelReady();
  await studio.loadModel(gemma);
  await panel.getByRole('checkbox', { name: 'Remember it in this browser' }).click();
  await panel.getByLabel('Hugging Face access token').fill(goodToken);
  await page.keyboard.press('Enter');
  await expect(studio.panel('Model')).toContainText(`${gemma} @`);

  await page.reload();
  await studio.modelReady();
  await studio.loadModel(gemma);
  await expect(studio.panel('Model')).toContainText(`${gemma} @`);
  await page.getByText('Access token', { exact: true }).click();
  await expect(studio.panel('Model')).toContainText('ends in oken is in use, remembered in this browser');
  await studio.button('Forget it').click();
  await expect(studio.button('Forget it')).toBeHidden();
  expect(await storedToken(page)).toBeNull();
});

test('a folder or its files go to the model when they are dropped on it, and data to the data', async ({
  studio,
  page,
}) => {
  const panel = studio.panel('Model');
  await studio.open();
  const files = ['config.json', 'tokenizer.json', 'model.safetensors'].map((name) => ({
    name,
    content: '{}',
  }));
  await studio.drop(files, panel);
  await expect(panel).toContainText('SmolLM2-135M');
  await studio.drop([{ name: 'reviews.csv', content: 'text,label\na,b\n' }], panel);
  await expect(studio.data).toContainText('306 rows for training');
  await studio.button('Back to the embedded model').click();
  await expect(panel).toContainText('Embedded model');
  await studio.button('Choose a model…').click();
  await page.getByLabel('Model files').setInputFiles({
    name: 'tiny.zip',
    mimeType: 'application/zip',
    buffer: Buffer.from('PK config.json'),
  });
  await expect(panel).toContainText('SmolLM2-135M');
});

test('models that are kept are listed with their size, and deleted only when that is said twice', async ({
  studio,
  page,
}) => {
  await studio.open();
  await page.getByText('Kept in this browser', { exact: true }).click();
  const list = page.getByRole('list', { name: 'Models kept in this browser' });
  await expect(list.getByRole('listitem')).toHaveCount(2);
  await expect(list).toContainText(/SmolLM2-135M @9c1f3f4.*271 MB/);
  await expect(list).toContainText(/Qwen.*402 MB.*incomplete/);
  await expect(studio.panel('Model')).toContainText('681 MB of 42.0 GB that this browser allows');
  await studio.button(`Delete ${smol}`).click();
  await studio.button('Keep').click();
  await expect(list.getByRole('listitem')).toHaveCount(2);
  await studio.button(`Delete ${smol}`).click();
  await studio.button(`Delete the files of ${smol}`).click();
  await expect(list.getByRole('listitem')).toHaveCount(1);
});

test('the memory of a run follows the settings; one that would not fit is named before, with what to change', async ({
  studio,
  page,
}) => {
  await studio.open();
  await studio.loadModel(qwen);
  await expect(studio.panel('Model')).toContainText(qwen);
  await withData(studio);
  const settings = studio.panel('Settings');
  await expect(page.getByRole('banner')).toContainText('Apple M3 · WebGPU · 1.4 of 2.5 GB');
  await expect(settings).toContainText('keeps everything');
  await studio.set({ 'Batch size': 64 });
  await expect(settings).toContainText('keeps activations in half precision');
  await studio.set({ 'Batch size': 512 });
  await expect(settings).toContainText(/Training would take .* more than the 2.5 GB/);
  await expect(settings).toContainText('a smaller batch (now 512)');
  await expect(studio.panel('Train')).toContainText('May not fit the memory: see Settings.');
  await studio.set({ 'Batch size': 16 });
  await expect(settings).not.toContainText('What helps');

  await settings.getByText('Memory', { exact: true }).locator('..').click();
  await page.getByRole('spinbutton', { name: 'May be used' }).fill('0.9');
  await expect(settings).toContainText('weights alone take 942 MB');
  await page.reload();
  await studio.modelReady();
  await withData(studio);
  await expect(page.getByRole('banner')).toContainText('of 0.9 GB');
  await settings.getByText('Memory', { exact: true }).locator('..').click();
  await studio.button('Guess again').click();
  await expect(page.getByRole('banner')).toContainText('of 2.5 GB');
});

test('what 8-bit weights cost is measured on the rows in use, and forgotten with them', async ({
  studio,
}) => {
  const panel = studio.panel('Model');
  await studio.open();
  await studio.button('Choose a model…').click();
  await studio.chooser.getByRole('checkbox', { name: /8-bit weights/ }).click();
  await studio.chooser.getByRole('button', { name: 'Load in 8 bits: Qwen2.5 0.5B Instruct' }).click();
  await expect(panel).toContainText('8-bit weights, 530 MB on the device');
  await expect(studio.button('Measure what 8 bits cost')).toBeDisabled();
  await withData(studio);
  await studio.button('Measure what 8 bits cost').click();
  await expect(panel).toContainText('Measuring both20 of 68 rows');
  await studio.button('Cancel measuring').click();
  await studio.button('Measure what 8 bits cost').click();
  await expect(panel).toContainText(/34 validation rows.*2\.4131.*2\.4187 \(\+0\.2 %\)/);
  await studio.data.getByText('Columns and split').click();
  await studio.data.getByRole('spinbutton', { name: 'Split seed' }).fill('7');
  await expect(panel).not.toContainText('2.4131');
});

test('a chat model has a switch for its format and a text for its system', async ({ studio }) => {
  await studio.open();
  await withData(studio);
  await studio.data.getByText('Columns and split').click();
  const chat = studio.data.getByRole('switch', { name: 'Chat format' });
  await expect(chat).toBeHidden();
  await studio.loadModel(qwen);
  await expect(chat).toBeChecked();
  await studio.data.getByRole('textbox', { name: 'System text' }).fill('Answer with one word.');
  await chat.click();
  await expect(studio.data.getByRole('textbox', { name: 'System text' })).toBeHidden();
  await chat.click();
  await expect(studio.data.getByRole('textbox', { name: 'System text' })).toHaveValue(
    'Answer with one word.',
  );
});

test('a lost device is named, its return is news, and a run says what was done for it', async ({
  studio,
  page,
}) => {
  await studio.open();
  await withData(studio);
  await studio.button('Train').click();
  await studio.phase('training');
  const note = 'The batch of 16 is computed in parts of 8 from step 9 on: memory was short.';
  const memory = { weights: 257 * 2 ** 20, training: 858 * 2 ** 20, saving: 'half' } as const;
  const state = { phase: 'training' as const, step: 12, steps: 400, bestStep: 0, memory };
  const lanes = { leader: 0, lanes: [] };
  await tell(page, { type: 'runState', runId: 'run', state: { ...state, ...lanes, notes: [note] } });
  await expect(studio.panel('Train')).toContainText(note);
  await expect(studio.panel('Train')).toContainText(
    'weights 257 MB, training 858 MB, keeps activations in half',
  );
  await expect(page.getByRole('banner')).toContainText('1.1 of 2.5 GB');

  await tell(page, { type: 'deviceLost', message: 'the driver was reset' });
  await expect(page.getByText('The graphics device was lost. The driver was reset.')).toBeVisible();
  await expect(studio.status).toContainText('device lost, coming back');
  const device = {
    backend: 'webgpu',
    name: 'Apple M3',
    software: false,
    threads: 8,
    largestBuffer: 2 ** 31,
    reason: null,
  } as const;
  await tell(page, { type: 'deviceRestored', device, model: null });
  await expect(page.getByText('The graphics device is back')).toBeVisible();
  await studio.phase('training');
  await tell(page, {
    type: 'deviceGone',
    error: { kind: 'device', message: 'The device was lost again and again.', hint: 'Reload the page.' },
  });
  await expect(page.getByRole('alert')).toContainText('The device was lost again and again.');
  await expect(page.getByRole('link', { name: 'Use the processor instead' })).toBeVisible();
});

test('a driver that computes wrong numbers is named, with a report', async ({ studio, page }) => {
  await studio.open();
  await studio.loadModel('openai-community/gpt2');
  await expect(studio.panel('Model').getByLabel('Warning')).toBeVisible();
  await page.getByText('What was measured').click();
  await expect(page.getByText('loss 4.4211 instead of 4.4178')).toBeVisible();
  await expect(studio.button('Copy the report')).toBeVisible();
});
