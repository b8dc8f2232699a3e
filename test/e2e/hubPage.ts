/** @file What the browser tests with a Hub share: the Hub, a browser that keeps things, and loading as a person does it. */
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from '@playwright/test';
import { serve } from '../../tools/setup/serve.mjs';
import { llamaFiles, type ModelSize } from '../hub/model';
import { type HubFile, HubServer } from '../hub/server';
import { test as base, dist, expect, Studio } from './studio';

export { expect } from '@playwright/test';

export const MIB = 2 ** 20;
const commit = 'c0ffee0000'.repeat(4);

/** A Hub, and a browser with a profile on the disk: what a private window keeps is in memory. */
export const test = base.extend<
  { hub: HubServer; context: BrowserContext; studio: Studio },
  { server: string }
>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern
    async ({}, use) => {
      // The usual build knows one Hub only.
      const folder = `${dist}-tests`;
      if (!existsSync(folder)) throw new Error('Build it: npx vite build --mode tests --outDir dist-tests');
      const server = await serve({ folder, port: 0 });
      await use(server.url);
      await server.close();
    },
    { scope: 'worker' },
  ],
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern
  hub: async ({}, use) => {
    const hub = await HubServer.start();
    await use(hub);
    await hub.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: as above
  context: async ({}, use, { project }) => {
    const profile = await mkdtemp(join(tmpdir(), 'studio-profile-'));
    const context = await chromium.launchPersistentContext(profile, project.use.launchOptions);
    await use(context);
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  },
  page: async ({ context }, use) => use(await context.newPage()),
  studio: async ({ page, server, hub }, use, { project }) => {
    const backend = project.name === 'webgpu' ? '&backend=webgpu' : '';
    const studio = new Studio(page, `${server}?hub=${hub.url}${backend}`);
    await studio.open();
    await use(studio);
  },
});

// A software GPU compiles the kernels of each model, on the cores that everything else runs on.
export const arrival = { timeout: 180_000 };

export function publish(hub: HubServer, id: string, size: ModelSize): ReadonlyMap<string, HubFile> {
  const files = llamaFiles(size);
  hub.models.set(id, { refs: { main: commit }, commits: { [commit]: files } });
  return files;
}

export async function load(studio: Studio, id: string): Promise<void> {
  await studio.loadModel(id);
  await expect(studio.panel('Model')).toContainText(`${id} @${commit.slice(0, 7)}`, arrival);
}

export async function back(studio: Studio): Promise<void> {
  await studio.button('Back to the embedded model').click();
  // Its name is shown while it is on its way, too.
  await expect(studio.panel('Model')).toContainText('Embedded model', arrival);
  await expect(studio.button('Cancel loading')).toBeHidden(arrival);
}
