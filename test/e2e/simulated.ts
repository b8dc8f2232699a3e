/** @file The built page with a simulated trainer behind it: for machines and moments that a test cannot have. */
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { build } from 'vite';
import type { StudioEvent } from '../../app/workers/protocol';
import { root } from '../../tools/setup/project.mjs';

let script: Promise<string> | null = null;

/** Puts the simulated trainer in the place of the page's worker; before the page is opened. */
export async function simulate(page: Page): Promise<void> {
  script ??= bundle();
  const body = await script;
  await page.route('**/trainer.worker-*.js', (route) =>
    route.fulfill({
      body,
      contentType: 'text/javascript',
      headers: { 'Cross-Origin-Embedder-Policy': 'require-corp' },
    }),
  );
}

/** Lets the simulated trainer tell the page something. */
export async function tell(page: Page, event: StudioEvent): Promise<void> {
  await page.evaluate((message) => new BroadcastChannel('simulated').postMessage(message), event);
}

async function bundle(): Promise<string> {
  const result = await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      target: 'es2022',
      rollupOptions: { input: join(root, 'test', 'e2e', 'simulatedWorker.ts') },
    },
  });
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((one) =>
    'output' in one ? one.output : [],
  );
  const entry = outputs.find((output) => output.type === 'chunk' && output.isEntry);
  if (entry?.type !== 'chunk') throw new Error('Vite built no script from simulatedWorker.ts.');
  return entry.code;
}
