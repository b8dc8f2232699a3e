/**
 * @file `npm run kill -- [--count N] [--seed S]`: kills the tab of a run N times at random steps, in a real Chromium, and
 * says how many steps were lost at most. `npm test` does the same a few times; docs/reliability.md has the results.
 */
import { parseArgs } from 'node:util';
import { ensureChromium } from './setup/chromium.mjs';
import { ensureBuilt, ensureInstalled, requireNode, runTool } from './setup/project.mjs';

requireNode();
const { values } = parseArgs({
  options: { count: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' } },
});
for (const [name, text] of Object.entries(values)) {
  if (!/^[1-9]\d{0,5}$/.test(text)) {
    console.error(`--${name} must be a whole number from 1, not “${text}”.`);
    process.exit(2);
  }
}
await ensureInstalled();
const chromium = await ensureChromium();
if (!chromium) process.exit(1);
await ensureBuilt();
process.exitCode = await runTool(
  '@playwright/test/cli.js',
  ['test', '--project=wasm', 'kill.spec.ts', '--reporter=list'],
  { CHROMIUM_PATH: chromium, KILLS: values.count, SEED: values.seed },
);
