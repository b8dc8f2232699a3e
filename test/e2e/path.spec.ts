/**
 * @file The whole path of a person: a model, a dataset, a training, a look inside, a try, a file. Run twice, with
 * WebGPU and without it. The files stay in test-results/downloads, where real PEFT is asked to load them.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../tools/setup/project.mjs';
import { prepare, readPrompt, writeExpectation } from './download';
import { expect, quick, shortRows, test } from './studio';

const downloads = join(root, 'test-results', 'downloads');
const mean = (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

test('trains a prompt on a dropped file, shows what it does, tries it and hands it over', async ({
  studio,
  page,
}, { project }) => {
  // A software GPU on busy cores makes a step in seconds.
  test.setTimeout(900_000);
  const file = { ...shortRows('review-sentiment.csv', 40), name: 'my reviews.csv' };

  await test.step('the page says what it trains on', async () => {
    await studio.open();
    const header = page.getByRole('banner');
    if (project.name === 'webgpu') {
      await expect(header).toContainText('WebGPU');
    } else {
      await expect(header).toContainText(/Processor · \d+ threads? · (relaxed|plain) SIMD/);
      await expect(page.getByText('Training runs on the processor.')).toBeVisible();
      await page.getByText('How to turn WebGPU on in').click();
      await expect(page.getByText(/^Open .*enable-unsafe-webgpu/)).toBeVisible();
    }
  });

  await test.step('a dropped CSV is recognised, with its labels marked', async () => {
    await studio.openDataset([file], 40);
    await expect(studio.data).toContainText('2 answers: badgood');
    await expect(studio.data.locator('mark').nth(1)).toContainText(/bad|good/);
  });

  await test.step('thirty steps at a small batch', async () => {
    await studio.set({ ...quick, Steps: 30 });
    await page.getByText('Advanced', { exact: true }).click();
    await page.getByRole('spinbutton', { name: 'Validate every' }).fill('15');
    await page.evaluate(() => {
      const seen = new Set<string>();
      Object.assign(window, { seenTables: seen });
      new MutationObserver(() => {
        for (const table of document.querySelectorAll('table')) {
          if (table.caption?.textContent === 'Nearest vocabulary tokens') seen.add(table.innerText);
        }
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    await studio.button('Train').click();
    await studio.reached(30, 30);
    await studio.phase('finished');
    await expect(studio.status).toContainText(/loss \d/);
  });

  await test.step('the loss falls', async () => {
    const losses = await studio.stepLosses();
    expect(losses).toHaveLength(30);
    expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)));
    const { validation } = await studio.numbers();
    expect(validation.map(([step]) => step)).toEqual(['15', '30']);
    await expect
      .poll(() => studio.description())
      .toMatch(/Step 30 of 30; training loss .* validation at step 30/);
  });

  await test.step('the nearest tokens have changed while it trained', async () => {
    await expect(studio.neighbours.getByRole('row')).toHaveCount(1 + 4);
    const seen = await page.evaluate(() => [
      ...(window as unknown as { seenTables: Set<string> }).seenTables,
    ]);
    expect(seen.length).toBeGreaterThan(1);
  });

  await test.step('answers come word by word, without and with the prompt', async () => {
    await page.getByText('Sampling', { exact: true }).click();
    await page.getByRole('spinbutton', { name: 'Most new tokens' }).fill('8');
    await page.getByRole('textbox', { name: 'Input', exact: true }).fill('The soup was cold and bland.');
    await studio.button('Generate').click();
    for (const name of ['Without prompt', 'With prompt']) {
      const region = page.getByRole('region', { name, exact: true });
      await expect(region).toHaveAttribute('aria-busy', 'false');
      await expect(region).toContainText(/[1-8] tokens? · /);
    }
  });

  await test.step('the download holds the best prompt and its card', async () => {
    mkdirSync(downloads, { recursive: true });
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      studio.button('Download prompt').click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/\.zip$/);
    const path = join(downloads, `${project.name}.zip`);
    await download.saveAs(path);
    const artefact = readPrompt(path);
    const data = await prepare(file);
    expect(artefact.kind).toBe('prompt');
    expect(artefact.virtualTokens).toBe(4);
    expect(artefact.values.every(Number.isFinite)).toBe(true);
    expect(artefact.card.datasetHash).toBe(data.report.hash);
    const loss = Number(artefact.card.validationLoss);
    const { validation } = await studio.numbers();
    const best = validation.find((row) => row[5] === 'best');
    expect(loss).toBeCloseTo(Number(best?.[1]), 1);
    writeExpectation(downloads, project.name, data, loss);
  });
});
