/** @file The benchmark's page, as a person with a GPU (here a software one) uses it. */
import { readFileSync } from 'node:fs';
import { serve } from '../../tools/setup/serve.mjs';
import { dist, expect, test } from './studio';

let server: Awaited<ReturnType<typeof serve>>;
test.beforeAll(async () => {
  server = await serve({ folder: dist, port: 0 });
});
test.afterAll(() => server?.close());

/** The smallest step there is. */
const smallest = { Texts: 1, 'Tokens a text': 2, 'Virtual tokens': 1, 'Label tokens': 1, Steps: 2 };

test('a run ends with numbers, on the page and in the file', async ({ page }) => {
  // A software GPU takes its time to compile.
  test.slow();
  await page.goto(`${server.url}bench.html`);
  for (const [name, value] of Object.entries(smallest)) {
    await page.getByRole('spinbutton', { name, exact: true }).fill(String(value));
  }
  await page.getByRole('checkbox', { name: /^Plain TensorFlow.js too/ }).uncheck();
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const result = page.getByRole('region', { name: 'Result', exact: true }).getByRole('table');
  await expect(result).toBeVisible({ timeout: 200_000 });
  await expect(result.getByRole('row', { name: /^A step/ })).toContainText('ms');

  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download JSON' }).click();
  const report = JSON.parse(readFileSync(await (await download).path(), 'utf8'));
  expect(report.workload).toEqual({ batch: 1, length: 2, prompt: 1, labels: 1 });
  expect(report.webgpu.steps).toBe(2);
  expect(report.ratio).toBeNull();
  for (const number of [
    report.webgpu.milliseconds.median,
    report.webgpu.loss,
    report.rowsPerSecond,
    report.textTokensPerSecond,
    report.gflopPerSecond,
    report.matmul.gflopPerSecond,
    report.dispatches,
    report.cpuMilliseconds,
    report.allocated.device,
  ]) {
    expect(number).toBeGreaterThan(0);
  }
  // 30 layers are left out on a software adapter.
  expect(report.submit?.layers ?? null).toBe(report.adapter.software ? null : 30);
});

test('a run that is cancelled leaves the page as it was', async ({ page }) => {
  await page.goto(`${server.url}bench.html`);
  const run = page.getByRole('button', { name: 'Run', exact: true });
  await run.click();
  await expect(run).toBeDisabled();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(run).toBeEnabled();
  await expect(page.getByRole('progressbar')).toHaveCount(0);
});
