/** @file The tests in a real browser: once with WebGPU (a software GPU will do), once without it. */
import { defineConfig } from '@playwright/test';
import { findChromium } from './tools/setup/chromium.mjs';

const quiet = [
  '--headless=new',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
// Linux machines often have no GPU; elsewhere there is always one, and no software adapter to choose.
const gpu =
  process.platform === 'linux'
    ? ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']
    : ['--enable-unsafe-webgpu'];

const executablePath = (await findChromium()) ?? undefined;

export default defineConfig({
  testDir: 'test/e2e',
  outputDir: 'test-results/e2e',
  // The software GPU and the wasm backend each take every core.
  workers: 1,
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  timeout: 240_000,
  expect: { timeout: 30_000 },
  reporter: [['list']],
  // An action that finds nothing to act on says so soon, and not at the end of the test's time.
  use: { headless: true, acceptDownloads: true, screenshot: 'only-on-failure', actionTimeout: 60_000 },
  projects: [
    {
      name: 'build',
      testMatch: ['build.spec.ts'],
      use: { launchOptions: { executablePath, args: quiet } },
    },
    {
      name: 'webgpu',
      testMatch: ['path.spec.ts', 'bench.spec.ts', 'fault.spec.ts', 'stream.spec.ts'],
      use: { launchOptions: { executablePath, args: [...quiet, ...gpu] } },
    },
    {
      name: 'wasm',
      testIgnore: ['build.spec.ts', 'bench.spec.ts', 'fault.spec.ts', 'stream.spec.ts'],
      use: { launchOptions: { executablePath, args: quiet } },
    },
  ],
});
