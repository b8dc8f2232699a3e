/**
 * @file The Python that the tools for real models run in: the one that the person names, or an environment of their own in
 * `.models/python`, made on first use with what requirements.txt lists.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, run } from '../setup/project.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const requirements = join(here, 'requirements.txt');
const home = join(root, '.models', 'python');
const own = join(home, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
/** Which list the environment was last brought to. */
const made = join(home, 'requirements.txt');

/**
 * A Python that has all of requirements.txt.
 *
 * @param {string | undefined} named
 * @returns {Promise<string>}
 * @throws {Error} in words, where there is none and none can be made
 */
export async function python(named) {
  if (named) {
    const check = 'import accelerate, gguf, numpy, peft, safetensors, tokenizers, torch, transformers';
    const { status, stderr, error } = spawnSync(named, ['-c', check], { encoding: 'utf8' });
    if (error) throw new Error(`“${named}” could not be started (${error.message}).`);
    if (status === 0) return named;
    const missing = /No module named '([^']+)'/.exec(stderr)?.[1] ?? 'what tools/real/requirements.txt lists';
    throw new Error(
      `“${named}” lacks ${missing}: install tools/real/requirements.txt there, or leave --python out.`,
    );
  }
  const wanted = readFileSync(requirements, 'utf8');
  if (existsSync(made) && readFileSync(made, 'utf8') === wanted) return own;
  console.error(`Making a Python environment in ${home} …`);
  if ((await run('python3', ['-m', 'venv', home])) !== 0) {
    throw new Error(
      'python3 could not make an environment (its module venv is needed); name a Python with --python.',
    );
  }
  const install = ['-m', 'pip', 'install', '--quiet', '--retries', '1', '--requirement', requirements];
  if ((await run(own, install)) !== 0) {
    throw new Error('The packages of tools/real/requirements.txt could not be installed; see above.');
  }
  writeFileSync(made, wanted);
  return own;
}
