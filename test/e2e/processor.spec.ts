/** @file The processor where it may do less than usual: the page trains all the same, and says what it trains on. */
import { chromium } from '@playwright/test';
import { serve } from '../../tools/setup/serve.mjs';
import { dist, expect, quick, Studio, smallDataset, test } from './studio';

async function trains(studio: Studio, steps: number): Promise<void> {
  await studio.openDataset(smallDataset(), 32);
  await studio.set({ ...quick, Steps: steps });
  await studio.button('Train').click();
  await studio.reached(steps, steps);
  await studio.phase('finished');
}

test('a page that is not isolated from other origins trains on one thread', async ({ page }) => {
  const server = await serve({ folder: dist, port: 0, isolated: false });
  try {
    const studio = new Studio(page, server.url);
    await studio.open();
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    await expect(page.getByRole('banner')).toContainText(/Processor · 1 thread · (relaxed|plain) SIMD/);
    await trains(studio, 6);
  } finally {
    await server.close();
  }
});

test('a browser without SIMD trains in plain JavaScript', async ({ server }, { project }) => {
  test.setTimeout(400_000);
  const { executablePath, args = [] } = project.use.launchOptions ?? {};
  // V8 has WebAssembly's SIMD only on processors that have this.
  const browser = await chromium.launch({
    executablePath,
    args: [...args, '--js-flags=--no-enable-sse4-1'],
  });
  try {
    const page = await browser.newPage();
    const studio = new Studio(page, server);
    await studio.open();
    await expect(page.getByRole('banner')).toContainText('Processor · JavaScript, no SIMD');
    await expect(page.getByText('it has no SIMD')).toBeVisible();
    await trains(studio, 2);
  } finally {
    await browser.close();
  }
});

test('a WebGPU that is the processor in disguise is left alone', async ({ server }, { project }) => {
  test.skip(process.platform !== 'linux', 'elsewhere there is always a graphics card');
  const { executablePath, args = [] } = project.use.launchOptions ?? {};
  const browser = await chromium.launch({
    executablePath,
    args: [...args, '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
  });
  try {
    const page = await browser.newPage();
    const studio = new Studio(page, server);
    await studio.open();
    await expect(page.getByRole('banner')).toContainText('Processor · ');
    await expect(page.getByText('without a graphics card behind it')).toBeVisible();
  } finally {
    await browser.close();
  }
});

test('the benchmark times it on the page', async ({ page, server }) => {
  await page.goto(`${server}bench.html`);
  const smallest = { Texts: 1, 'Tokens a text': 2, 'Virtual tokens': 1, 'Label tokens': 1, Steps: 2 };
  for (const [name, value] of Object.entries(smallest)) {
    await page.getByRole('spinbutton', { name, exact: true }).fill(String(value));
  }
  await page.getByRole('combobox', { name: 'Engine' }).click();
  await page.getByRole('option', { name: 'Processor' }).click();
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const result = page.getByRole('region', { name: 'Result', exact: true });
  await expect(result.getByRole('row', { name: /^A step/ })).toContainText('ms', { timeout: 120_000 });
  const report = JSON.parse((await result.locator('pre').textContent()) ?? '');
  expect(report).toMatchObject({ engine: 'wasm', threads: expect.any(Number), wasm: { steps: 2 } });
  // Plain tfjs on its own WebAssembly finds the same loss.
  expect(report.lossDifference).toBeLessThan(1e-4);
  expect(report.matmul.gflopPerSecond).toBeGreaterThan(0);
});
