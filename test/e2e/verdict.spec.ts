/** @file Does it beat my words? What the page says of it before, while and after a run, and what can be done with the rows that are wrong. */

import { readFileSync } from 'node:fs';
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, quick, smallDataset, test } from './studio';

async function serious(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' '))}`);
}

test('a run is compared with words from its first moment to its wrong rows', async ({ studio, page }) => {
  const verdict = page.getByRole('region', { name: 'Verdict', exact: true });
  const train = studio.panel('Train');
  const results = studio.panel('Results');

  await test.step('words are scored before the first step, and drawn as lines', async () => {
    // Wide enough for a column an answer.
    await page.setViewportSize({ width: 1440, height: 900 });
    await studio.open();
    await studio.button('Message to desk color (hard)').click();
    await expect(studio.data).toContainText('for training');
    await studio.set({ 'Virtual tokens': 4, 'Learning rate': 0.01, 'Batch size': 2, Steps: 8 });
    await studio.button('Train').click();
    await expect(verdict).toContainText(/bare model/);
    const legend = train.getByRole('listitem');
    await expect(legend.filter({ hasText: /^bare model \d/ })).toBeVisible();
    await expect(legend.filter({ hasText: /^your instruction .*\d/ })).toBeVisible();
    await expect
      .poll(() => studio.description())
      .toMatch(/bare model: validation loss \d.*your instruction.*: validation loss \d/);
    await studio.phase('finished');
  });

  await test.step('the numbers stand in a table, on the rows of the validation', async () => {
    const { validation } = await studio.numbers();
    const words = page.getByRole('table', { name: 'Words alone, on the validation rows' });
    await expect(words.getByRole('rowheader')).toHaveText([
      'bare model',
      'your instruction',
      'your instruction with 4 examples in context',
    ]);
    const rows = words.getByRole('row').filter({ hasText: 'bare model' }).getByRole('cell').last();
    await expect(rows).toHaveText(validation[0][4]);
  });

  await test.step('all test rows are asked when the run rests', async () => {
    await expect(verdict).toContainText(/^On \d+ rows it never saw/, { timeout: 120_000 });
    await expect(verdict).not.toContainText('first look');
  });

  await test.step('answers stand beside what is wanted, with marks', async () => {
    const answers = studio.panel('Answers').getByRole('table');
    await expect(answers.getByRole('columnheader')).toHaveText([
      'input',
      'wanted',
      'bare model',
      'best instruction',
      'soft prompt',
    ]);
    const first = answers.getByRole('row').nth(1);
    await expect(first.getByRole('img', { name: /^(right|wrong):$/ })).toHaveCount(3);
  });

  await test.step('wrong rows are filtered by words and by the matrix', async () => {
    const rows = results.getByRole('table', { name: 'Rows the prompt gets wrong' }).getByRole('row');
    await expect(rows.nth(1)).toBeVisible();
    const count = results.getByRole('status');
    const all = await count.innerText();
    await results.getByRole('textbox', { name: 'Filter the wrong rows' }).fill('nothing is like this');
    await expect(results).toContainText('No wrong row is like that.');
    await results.getByRole('button', { name: 'Show all' }).click();
    await expect(count).toHaveText(all);
    const cell = results.getByRole('button', { name: /^\d+ rows of .+ taken for .+$/ }).first();
    const wanted = Number(/^\d+/.exec((await cell.getAttribute('aria-label')) ?? '')?.[0]);
    await cell.click();
    await expect(count).toContainText(new RegExp(`^${wanted} of ${all}`));
    await results.getByRole('button', { name: 'Show all' }).click();
    await expect(count).toHaveText(all);
  });

  await test.step('they are saved as a file', async () => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      results.getByRole('button', { name: 'Save as CSV' }).click(),
    ]);
    const text = readFileSync(await download.path(), 'utf8');
    expect(text.split('\r\n')[0]).toBe('\uFEFFrow,input,wanted,taken for,words right,nats');
  });

  await test.step('one of them is tried, and its answer held against what is wanted', async () => {
    await results
      .getByRole('button', { name: /^Try row \d+$/ })
      .first()
      .click();
    const input = page.getByRole('textbox', { name: 'Input', exact: true });
    await expect(input).toBeFocused();
    await expect(input).not.toHaveValue('');
    await expect(studio.panel('Try it')).toContainText('Wanted:');
    await studio.button('Generate').click();
    for (const name of ['Without prompt', 'With prompt']) {
      await expect(page.getByRole('region', { name, exact: true })).toContainText(/as wanted/);
    }
    // Another input is no row of the data.
    await input.fill('something else');
    await expect(studio.panel('Try it')).not.toContainText('Wanted:');
  });

  await test.step('no serious fault is found by axe', async () => {
    await page.mouse.move(0, 0);
    expect(await serious(page)).toEqual([]);
  });
});

test('rows are put right, found hard and ranked, and the next round learns from them', async ({
  studio,
  page,
}) => {
  const rows = studio.panel('Your rows');
  await studio.open();
  await studio.openDataset(smallDataset(), 32);
  await studio.set({ ...quick, Steps: 2 });
  await studio.button('Train').click();
  await studio.phase('finished');

  await test.step('an answer that is put right waits for the next round', async () => {
    await page.getByRole('textbox', { name: 'Input', exact: true }).fill('The soup was cold.');
    await page.getByText('Sampling', { exact: true }).click();
    await page.getByRole('spinbutton', { name: 'Most new tokens' }).fill('4');
    await studio.button('Generate').click();
    await studio.button('Put right').click();
    await page.getByRole('textbox', { name: 'The right answer' }).fill('bad');
    await studio.button('Add').click();
    await expect(page.getByRole('region', { name: 'One example for a next round' })).toContainText(
      'The soup was cold. → bad',
    );
  });

  await test.step('the hardest rows can be tried', async () => {
    await rows.getByText('Rows it finds hardest').click();
    await studio.button('Find the hardest rows').click();
    const table = rows.getByRole('table', { name: /^The hardest of \d+ rows/ });
    await expect(table.getByRole('row').nth(1)).toBeVisible();
    await table
      .getByRole('button', { name: /^Try row/ })
      .first()
      .click();
    await expect(page.getByRole('textbox', { name: 'Input', exact: true })).toBeFocused();
  });

  await test.step('a file without answers comes back ranked, and safe to open', async () => {
    await rows.getByText('Rows worth labelling').click();
    const content = 'text\n"=1+1, said the cook"\nThe room was nice.\n';
    await page
      .getByLabel('File of inputs without answers')
      .setInputFiles({ name: 'more.csv', mimeType: 'text/csv', buffer: Buffer.from(content) });
    await expect(rows.getByRole('table', { name: /^2 of 2 rows of more\.csv/ })).toBeVisible();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      studio.button('Save 2 as CSV to label').click(),
    ]);
    expect(download.suggestedFilename()).toBe('to label more.csv');
    const text = readFileSync(await download.path(), 'utf8');
    expect(text).toContain('"\'=1+1, said the cook",,');
    expect(text.split('\r\n')[0]).toBe('\uFEFFinput,target,guess,uncertainty');
  });

  await test.step('no serious fault is found by axe', async () => {
    await page.mouse.move(0, 0);
    expect(await serious(page)).toEqual([]);
  });

  await test.step('the next round begins from the present prompt, with the example among its rows', async () => {
    await studio.button('Train a next round').click();
    await expect(studio.data).toContainText('33 rows');
    await expect(page.getByRole('region', { name: 'One example for a next round' })).toBeHidden();
    await studio.phase('finished');
    await expect(studio.panel('Train')).toContainText('on reviews + 1.jsonl');
  });
});
