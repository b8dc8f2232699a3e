/** @file The benchmark's page, built, served isolated and driven in a Chromium that nobody sees. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { build } from 'vite';
import { findChromium } from '../tools/setup/chromium.mjs';
import { serve } from '../tools/setup/serve.mjs';
import type { BenchOptions } from './options';
import type { PageSettings } from './page/messages';
import type { ProcessorReport } from './processorReport';
import type { Progress } from './report';

const root = join(import.meta.dirname, '..');

/** The report of the processor's engine in Chromium. @throws Error with the page's words */
export async function runInChromium(
  options: BenchOptions,
  say: (progress: Progress) => void,
): Promise<ProcessorReport> {
  const tell = (text: string) => say({ text, done: 0, of: 0 });
  const folder = mkdtempSync(join(tmpdir(), 'studio-bench-'));
  tell('building the page');
  await build({
    root,
    logLevel: 'error',
    build: {
      outDir: folder,
      emptyOutDir: true,
      rolldownOptions: { input: { bench: join(root, 'bench.html') } },
    },
  });
  const server = await serve({ folder, port: 0 });
  const browser = await chromium.launch({
    executablePath: (await findChromium()) ?? undefined,
    args: ['--headless=new', '--no-sandbox'],
  });
  try {
    const page = await browser.newPage();
    const settings: PageSettings = {
      engine: 'wasm',
      threads: options.threads,
      model: options.model,
      workload: options.workload,
      steps: options.steps,
      lanes: options.lanes,
      reference: options.referenceSteps > 0,
      profile: options.profile,
    };
    await page.goto(`${server.url}bench.html?run=${encodeURIComponent(JSON.stringify(settings))}`);
    tell(`measuring in Chromium ${browser.version()}`);
    const report = page.locator('.report');
    const failure = page.getByRole('alert');
    await report.or(failure).first().waitFor({ state: 'attached', timeout: 600_000 });
    if ((await report.count()) === 0) throw new Error((await failure.first().innerText()).trim());
    const text = (await report.textContent()) ?? '';
    return { ...JSON.parse(text), runtime: `Chromium ${browser.version()}` };
  } finally {
    await browser.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
