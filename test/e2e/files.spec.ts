/** @file Files that people drop: odd ones, broken ones, prompts of their own and prompts for other models. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { exportPrompt } from '../../app/prompt/exportPrompt';
import { importPrompt } from '../../app/prompt/importPrompt';
import type { PromptArtefact } from '../../app/prompt/types';
import { root } from '../../tools/setup/project.mjs';
import { readPrompt } from './download';
import { type Dropped, embeddedModel, expect, quick, smallDataset, test } from './studio';

const fixtures = join(root, 'test', 'fixtures', 'prompts');
const hidden: number = JSON.parse(readFileSync(join(embeddedModel, 'config.json'), 'utf8')).hidden_size;

/** A prompt as another program would have made it: nothing known but its numbers. */
function foreignPrompt(width: number): PromptArtefact {
  const values = Float32Array.from({ length: 3 * width }, (_, i) => Math.sin(i) / 10);
  return { kind: 'prompt', virtualTokens: 3, width, values, model: {}, card: {} };
}

const broken: [string, Dropped, RegExp][] = [
  ['an empty file', { name: 'nothing.csv', content: '' }, /nothing\.csv/],
  ['a file that is no table', { name: 'picture.parquet', content: 'PNG, not Parquet' }, /picture\.parquet/],
  ['broken JSON', { name: 'rows.jsonl', content: '{"input": "a", "target": "b"}\n{"input": ' }, /2/],
  [
    'an unknown kind',
    { name: 'notes.docx', content: zipSync({ 'word/document.xml': new Uint8Array(900) }) },
    /notes\.docx/,
  ],
  ['an unclosed quote', { name: 'quote.csv', content: 'input,target\na,b\n"c,d\ne,f\n' }, /3/],
];

test('a broken file says what is wrong with it, and the dataset before it stays', async ({ studio }) => {
  await studio.open();
  await studio.openDataset(smallDataset(), 32);
  const error = studio.data.getByRole('alert');
  for (const [what, file, words] of broken) {
    await test.step(what, async () => {
      await studio.drop([file]);
      await expect(error).toContainText(words);
      await expect(error).toContainText('reviews.csv stays in use');
      await error.getByRole('button', { name: 'Dismiss this message' }).click();
      await expect(error).toBeHidden();
      await expect(studio.data).toContainText('32 rows');
    });
  }
  await expect(studio.button('Train')).toBeEnabled();
});

test('a file can be chosen, and a replacement taken back', async ({ studio, page }) => {
  await studio.open();
  await studio.openDataset(smallDataset(), 32);
  await page.getByLabel('Dataset file').setInputFiles({
    name: 'pairs.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('good day\tgreeting\nsee you\tparting\nhello\tgreeting\nbye\tparting\n'),
  });
  await expect(studio.data).toContainText('4 rows');
  await expect(studio.data).toContainText('2 answers');
  await studio.button('Undo: back to reviews.csv').click();
  await expect(studio.data).toContainText('32 rows');
});

test('a downloaded prompt dropped back is the same prompt', async ({ studio, page }) => {
  await studio.open();
  await studio.openDataset(smallDataset(), 32);
  await studio.set({ ...quick, Steps: 4 });
  await studio.button('Train').click();
  await studio.phase('finished');
  const download = async (name: string) => {
    const event = page.waitForEvent('download');
    await studio.button('Download prompt').click();
    const path = test.info().outputPath(name);
    await (await event).saveAs(path);
    return path;
  };
  const first = await download('first.zip');

  await page.reload();
  await studio.modelReady();
  await studio.drop([{ name: 'mine.zip', content: readFileSync(first) }]);
  await expect(studio.prompt).toContainText('mine.zip');
  await expect(studio.prompt).toContainText('4 virtual tokens');
  await expect(studio.prompt.getByLabel('Warning')).toBeHidden();
  const second = await download('second.zip');
  expect(readPrompt(second).values).toEqual(readPrompt(first).values);

  await page.getByRole('textbox', { name: 'Input', exact: true }).fill('The soup was cold.');
  await page.getByText('Sampling', { exact: true }).click();
  await page.getByRole('spinbutton', { name: 'Most new tokens' }).fill('3');
  await studio.button('Generate').click();
  const region = page.getByRole('region', { name: 'With prompt', exact: true });
  await expect(region).toContainText(/\d tokens? · /);
});

test('a prompt made by PEFT loads, to try, to take along and to train on from', async ({ studio, page }) => {
  const adapter = ['adapter_config.json', 'adapter_model.safetensors'].map((name) => ({
    name,
    content: readFileSync(join(fixtures, 'studio', name)),
  }));
  await studio.open();
  await studio.drop(adapter);
  await expect(studio.prompt).toContainText('from a file');
  await expect(studio.prompt).toContainText('3 virtual tokens');
  const download = page.waitForEvent('download');
  await studio.button('Download prompt').click();
  const path = test.info().outputPath('again.zip');
  await (await download).saveAs(path);
  const made = importPrompt(adapter.map(({ name, content }) => ({ name, bytes: new Uint8Array(content) })));
  expect(readPrompt(path).values).toEqual(made.values);

  await studio.openDataset(smallDataset(), 32);
  await studio.set({ ...quick, Steps: 2 });
  await studio.prompt.getByRole('button', { name: 'Start the next run from it' }).click();
  await expect(studio.setting('Virtual tokens')).toHaveValue('3');
  await studio.button('Train').click();
  await studio.phase('finished');
  await expect(studio.neighbours.getByRole('row')).toHaveCount(1 + 3);
});

test('a prompt that does not fit is refused with the reason, and the one in use stays', async ({
  studio,
}) => {
  await studio.open();
  await studio.drop([{ name: 'fits.zip', content: exportPrompt(foreignPrompt(hidden), 'peft').bytes }]);
  await expect(studio.prompt).toContainText('fits.zip');
  const error = studio.prompt.getByRole('alert');

  await studio.drop([{ name: 'other.zip', content: exportPrompt(foreignPrompt(hidden + 8), 'peft').bytes }]);
  await expect(error).toContainText(String(hidden + 8));
  await expect(error).toContainText(String(hidden));
  await expect(studio.prompt).toContainText('fits.zip');

  const lora = ['adapter_config.json', 'adapter_model.safetensors'].map((name) => ({
    name,
    content: readFileSync(join(fixtures, 'lora', name)),
  }));
  await studio.drop(lora);
  await expect(error).toContainText(/LoRA/i);

  await studio.drop([{ name: 'noPrompt.zip', content: zipSync({ 'a.txt': new Uint8Array(3) }) }]);
  await expect(error).toContainText('noPrompt.zip');
  await expect(studio.prompt).toContainText('fits.zip');
});
