/**
 * @file What a visitor waits for: `npm run bench:opening`. Bytes until the model, first paint, tasks of the page that hold it up,
 * and memory, of the built page in a real Chromium that has no WebGPU. Prints JSON.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { type Browser, chromium, type Page } from '@playwright/test';
import { findChromium } from '../tools/setup/chromium.mjs';
import { root } from '../tools/setup/project.mjs';
import { serve } from '../tools/setup/serve.mjs';

const { values } = parseArgs({
  options: { query: { type: 'string', default: '' }, seconds: { type: 'string', default: '10' } },
});
/** Tasks of at least this many milliseconds are counted; a browser tells of those from 50 on. */
const LONG = 50;

interface Longtask {
  start: number;
  milliseconds: number;
}

const server = await serve({ folder: join(root, 'dist'), port: 0 });
const browser = await chromium.launch({
  executablePath: (await findChromium()) ?? undefined,
  args: [
    '--headless=new',
    '--no-sandbox',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
  ],
});
try {
  console.log(JSON.stringify(await measure(browser), null, 2));
} finally {
  await browser.close();
  await server.close();
}

async function measure(browser: Browser) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const files: { path: string; bytes: number; gzip: number }[] = [];
  const requests = new Map<string, number>();
  page.on('request', (request) => requests.set(request.url(), (requests.get(request.url()) ?? 0) + 1));
  page.on('response', async (response) => {
    const path = new URL(response.url()).pathname;
    if (/\/(models|datasets)\//.test(path) || !response.url().startsWith('http')) return;
    const body = await response.body().catch(() => null);
    if (body) files.push({ path, bytes: body.length, gzip: gzipSync(body, { level: 9 }).length });
  });
  await page.addInitScript(() => {
    const tasks: Longtask[] = [];
    Object.assign(globalThis, { tasks });
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries())
        tasks.push({ start: startTime, milliseconds: duration });
    }).observe({ type: 'longtask', buffered: true });
  });
  await page.goto(server.url + values.query);
  await page.getByRole('region', { name: 'Model', exact: true }).getByText('parameters').waitFor();
  const ready = await page.evaluate(() => performance.now());
  const paint = await page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
  );
  const opening = await tasksSince(page, 0);
  await page.getByRole('button', { name: 'Review sentiment' }).first().click();
  await page.getByRole('button', { name: 'Train', exact: true }).click({ timeout: 60_000 });
  const began = await page.evaluate(() => performance.now());
  await page.waitForTimeout(1000 * Number(values.seconds));
  const training = await tasksSince(page, began);
  return {
    firstPaint: Math.round(paint ?? Number.NaN),
    modelReady: Math.round(ready),
    longTasks: { opening, training },
    rendererMegabytes: await rendererMegabytes(browser),
    gzipBytes: files.reduce((sum, { gzip }) => sum + gzip, 0),
    files: files.sort((a, b) => b.gzip - a.gzip),
    asksTwice: [...requests]
      .filter(([, count]) => count > 1)
      .map(([url, count]) => `${new URL(url).pathname} ${count}`),
  };
}

async function tasksSince(page: Page, since: number): Promise<Longtask[]> {
  const tasks = await page.evaluate(() => (globalThis as unknown as { tasks: Longtask[] }).tasks);
  return tasks.filter(({ start, milliseconds }) => start >= since && milliseconds >= LONG);
}

/** Resident memory of the largest renderer, where the system tells (Linux). */
async function rendererMegabytes(browser: Browser): Promise<number | null> {
  const cdp = await browser.newBrowserCDPSession();
  const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
  const sizes = await Promise.all(
    processInfo
      .filter(({ type }) => type === 'renderer')
      .map(async ({ id }) => {
        const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
        return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
      }),
  );
  return sizes.length === 0 || Math.max(...sizes) === 0 ? null : Math.round(Math.max(...sizes));
}
