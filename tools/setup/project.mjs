/**
 * @file What `npm start` and `npm test` need before they can begin: a Node that is new enough, the
 * dependencies of package-lock.json, and a build of the page that is not older than its sources.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const oldestNode = 20;

/** Ends the process with a message when Node is too old for the tools. */
export function requireNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= oldestNode) return;
  console.error(
    `Soft Prompt Studio needs Node ${oldestNode} or newer; this is Node ${process.versions.node}.\n` +
      'Install a current one from https://nodejs.org and run the command again.',
  );
  process.exit(1);
}

/**
 * Runs a program in the repository's folder with this process's input and output.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{ env?: Record<string, string | undefined>, shell?: boolean }} [options] `env` is added to this process's.
 * @returns {Promise<number>} its exit code; 1 where a signal ended it, 127 where it could not be started.
 */
export function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...options.env },
      stdio: 'inherit',
      shell: options.shell ?? false,
    });
    child.on('error', (error) => {
      console.error(`${program} could not be started: ${error.message}`);
      resolve(127);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/**
 * Runs a program of node_modules, given as the path of its script inside it.
 *
 * @param {string} script
 * @param {string[]} args
 * @param {Record<string, string | undefined>} [env]
 */
export function runTool(script, args, env) {
  return run(process.execPath, [join(root, 'node_modules', script), ...args], { env });
}

/** Installs the dependencies when some are missing or of another version than package-lock.json says. */
export async function ensureInstalled() {
  const reason = whyInstall();
  if (!reason) return;
  // `npm ci` gives exactly what the lock file says, and refuses where package.json says otherwise.
  const command = lockMatchesPackage() ? 'ci' : 'install';
  console.log(`Installing the dependencies (${reason}): npm ${command}`);
  const args = [command, '--include=dev', '--no-audit', '--no-fund'];
  const npmScript = process.env.npm_execpath;
  const code = npmScript?.endsWith('.js')
    ? await run(process.execPath, [npmScript, ...args])
    : await run('npm', args, { shell: process.platform === 'win32' });
  if (code === 0) return;
  console.error(`npm ${command} failed with code ${code}; see its message above. Is the network reachable?`);
  process.exit(1);
}

/** @returns {string | null} why the dependencies must be installed, in words. */
function whyInstall() {
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return 'none are there yet';
  const wantedFile = join(root, 'package-lock.json');
  if (!existsSync(wantedFile)) return 'there is no package-lock.json';
  const installed = readJson(installedFile).packages ?? {};
  for (const [path, wanted] of Object.entries(readJson(wantedFile).packages ?? {})) {
    if (path === '') continue;
    const found = installed[path];
    // Optional packages are those for other systems: absent is right, another version is not.
    if (!found && !wanted.optional && !wanted.devOptional) return `${path} is missing`;
    if (found && found.version !== wanted.version) {
      return `${path} is ${found.version}, expected ${wanted.version}`;
    }
  }
  return lockMatchesPackage() ? null : 'package.json has changed';
}

/** Whether package-lock.json was written for the dependencies that package.json names. */
function lockMatchesPackage() {
  const lockFile = join(root, 'package-lock.json');
  if (!existsSync(lockFile)) return false;
  const locked = readJson(lockFile).packages?.[''] ?? {};
  const wanted = readJson(join(root, 'package.json'));
  return ['dependencies', 'devDependencies'].every((kind) => {
    const [a, b] = [locked[kind] ?? {}, wanted[kind] ?? {}];
    const names = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...names].every((name) => a[name] === b[name]);
  });
}

/** @param {string} file */
function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** What the built page is made of; a change in any of them asks for a new build. */
const sources = [
  'index.html',
  'bench.html',
  'vite.config.ts',
  'package-lock.json',
  'tsconfig.json',
  'tools/setup/policy.mjs',
  'app',
  'bench',
  'public',
];

/**
 * Builds the page when there is no build or some source is newer. Ends the process when that fails.
 *
 * @param {{ tests?: boolean }} [options] `tests` builds into dist-tests/ the page that may be given another Hub.
 */
export async function ensureBuilt({ tests = false } = {}) {
  const folder = tests ? 'dist-tests' : 'dist';
  const page = join(root, folder, 'index.html');
  if (existsSync(page)) {
    const built = statSync(page).mtimeMs;
    if (sources.every((source) => newest(join(root, source)) <= built)) return;
  }
  console.log(tests ? 'Building the page for the tests of the Hub' : 'Building the page');
  const how = tests ? ['--mode', 'tests', '--minify', 'false'] : [];
  const code = await runTool('vite/bin/vite.js', ['build', '--outDir', folder, ...how]);
  if (code === 0) return;
  console.error(`The build failed with code ${code}; see its message above.`);
  process.exit(1);
}

/**
 * Time of the newest change in a file or folder, in milliseconds. Folders count too: they change when a file goes.
 *
 * @param {string} path
 * @returns {number}
 */
function newest(path) {
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}
