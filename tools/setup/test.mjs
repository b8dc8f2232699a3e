/**
 * @file `npm test`: installs what is missing, gets a Chromium, runs every test and ends with the true counts.
 * `npm test -- unit`, `engine` or `e2e` runs only that part.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureChromium } from './chromium.mjs';
import { ensureBuilt, ensureInstalled, requireNode, root, runTool } from './project.mjs';
import { countPlaywright, countVitest, summary } from './testCounts.mjs';

const parts = ['unit', 'engine', 'e2e'];

requireNode();
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !parts.includes(name));
if (unknown.length > 0) {
  console.error(`Unknown part ${unknown.join(', ')}; the parts are ${parts.join(', ')}.`);
  process.exit(2);
}
const wanted = asked.length > 0 ? asked : parts;

await ensureInstalled();
const results = join(root, 'test-results');
mkdirSync(results, { recursive: true });
// The engines' tests too find a software GPU in it.
const chromium = wanted.some((name) => name !== 'unit') ? await chromiumOrNull() : null;

/** @type {import('./testCounts.mjs').Counts[]} */
const counts = [];
const projects = wanted.filter((name) => name !== 'e2e');
if (projects.length > 0) counts.push(await runVitest(projects));
if (wanted.includes('e2e')) counts.push(await runPlaywright());

const total = summary(counts);
// After everything, where it is found: a failure in the middle of thousands of lines is not.
for (const failure of total.failures)
  console.log(`Failed: ${failure.replaceAll('\n', ' ').replaceAll(`${root}/`, '')}`);
console.log(`\n${total.line}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

/** @param {string[]} projects */
async function runVitest(projects) {
  const file = join(results, 'vitest.json');
  rmSync(file, { force: true });
  const code = await runTool(
    'vitest/vitest.mjs',
    [
      'run',
      ...projects.flatMap((name) => ['--project', name]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
    ],
    chromium ? { CHROMIUM_PATH: chromium } : {},
  );
  return countVitest(readReport(file), code);
}

async function runPlaywright() {
  if (!chromium)
    return { passed: 0, failed: 1, skipped: 0, failures: ['The browser tests have no Chromium.'] };
  await ensureBuilt();
  await ensureBuilt({ tests: true });
  // Files of an earlier run must not be taken for this one's.
  rmSync(join(results, 'downloads'), { recursive: true, force: true });
  const file = join(results, 'playwright.json');
  rmSync(file, { force: true });
  const code = await runTool('@playwright/test/cli.js', ['test', '--reporter=list,json'], {
    CHROMIUM_PATH: chromium,
    PLAYWRIGHT_JSON_OUTPUT_FILE: file,
  });
  return countPlaywright(readReport(file), code);
}

/** A wrong CHROMIUM_PATH fails the browser tests and lets the others run. */
async function chromiumOrNull() {
  try {
    return await ensureChromium();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return null;
  }
}

/** @param {string} file */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}
