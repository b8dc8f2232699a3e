/** @file Finds the Chromium that the tests drive: the one asked for, the system's, or Playwright's own. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runTool } from './project.mjs';

const names = [
  'chromium',
  'chromium-browser',
  'google-chrome-stable',
  'google-chrome',
  'google-chrome-beta',
  'microsoft-edge',
  'microsoft-edge-stable',
];

/** Where browsers live on systems that do not put them on the PATH. */
const places = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  ...['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].flatMap((name) => {
    const folder = process.env[name];
    return folder
      ? [
          join(folder, 'Google', 'Chrome', 'Application', 'chrome.exe'),
          join(folder, 'Microsoft', 'Edge', 'Application', 'msedge.exe'),
        ]
      : [];
  }),
];

/**
 * The path of a Chromium on this machine, or null. `CHROMIUM_PATH` decides where it is set.
 *
 * @returns {Promise<string | null>}
 * @throws Error when `CHROMIUM_PATH` names nothing that can be run.
 */
export async function findChromium() {
  const asked = process.env.CHROMIUM_PATH;
  if (asked) {
    if (isProgram(asked)) return asked;
    throw new Error(`CHROMIUM_PATH is ${asked}, which is not a program that can be run.`);
  }
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const candidates = [...names.flatMap((name) => folders.map((folder) => join(folder, name))), ...places];
  return candidates.find(isProgram) ?? (await playwrightChromium());
}

/** Playwright's own Chromium, if it has been downloaded. */
async function playwrightChromium() {
  const { chromium } = await import('@playwright/test');
  const path = chromium.executablePath();
  return isProgram(path) ? path : null;
}

/**
 * A Chromium, downloaded by Playwright where the machine has none.
 *
 * @returns {Promise<string | null>} null where none could be had; the reason has been printed.
 */
export async function ensureChromium() {
  const found = await findChromium();
  if (found) return found;
  console.log('No Chromium on this machine: npx playwright install chromium');
  await runTool('@playwright/test/cli.js', ['install', 'chromium']);
  const downloaded = await playwrightChromium();
  if (downloaded) return downloaded;
  console.error(
    'The browser tests need Chromium, and Playwright could not download one (see above).\n' +
      'Install it from your system (Debian, Ubuntu: apt-get install chromium; macOS: brew install chromium),\n' +
      'or set CHROMIUM_PATH to the program of a Chromium, Chrome or Edge.',
  );
  return null;
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
