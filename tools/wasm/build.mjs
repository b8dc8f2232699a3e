/**
 * @file Builds the processor's kernels, AssemblyScript in app/engine/wasm/assembly, into app/engine/wasm/built: with fused multiply-add
 * (relaxed SIMD) and without, each for memory that threads share and for memory of one thread. Nothing is done where
 * nothing has changed. `node tools/wasm/build.mjs` builds by hand.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const sources = join(root, 'app/engine/wasm/assembly');
const built = join(root, 'app/engine/wasm/built');
const levels = { plain: [], relaxed: ['--enable', 'relaxed-simd'] };

/** Builds what is older than its sources. @throws Error with the compiler's words */
export async function buildKernels() {
  // In a bundle there are no sources, and everything is built.
  if (!existsSync(sources)) return;
  const files = readdirSync(sources).filter((name) => name.endsWith('.ts'));
  const newest = Math.max(
    ...[...files.map((name) => join(sources, name)), fileURLToPath(import.meta.url)].map(modified),
  );
  const stale = Object.entries(levels).filter(([level]) =>
    targets(level).some((path) => modified(path) < newest),
  );
  for (const [level, flags] of stale) await build(level, flags);
}

/** The files of a level: for shared memory, and for memory of one thread. @param {string} level */
function targets(level) {
  return [join(built, `${level}-shared.wasm`), join(built, `${level}.wasm`)];
}

/** Milliseconds, 0 of a file that is not there. @param {string} path */
function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** @param {string} level @param {string[]} flags */
async function build(level, flags) {
  // Only here: whoever finds everything built does not load the compiler.
  const { default: asc } = await import('assemblyscript/asc');
  /** @type {Uint8Array | null} */
  let binary = null;
  const { error, stderr } = await asc.main(
    [
      'index.ts',
      ...['--baseDir', sources, '--outFile', 'kernels.wasm', '-O3', '--noAssert', '--runtime', 'stub'],
      ...['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
      ...['--enable', 'threads', '--enable', 'simd', ...flags],
      // Nothing aborts: there is no allocation and no assertion.
      ...['--use', 'abort='],
    ],
    {
      writeFile: (name, contents) => {
        if (name.endsWith('.wasm') && typeof contents !== 'string') binary = contents;
      },
    },
  );
  if (error || !binary) throw new Error(`The kernels do not compile.\n${stderr}`);
  mkdirSync(built, { recursive: true });
  const [shared, own] = targets(level);
  write(shared, binary);
  write(own, unshared(binary));
}

/** Under another name first: another process may be reading. @param {string} path @param {Uint8Array} bytes */
function write(path, bytes) {
  const made = `${path}.${process.pid}`;
  writeFileSync(made, bytes);
  renameSync(made, path);
}

/**
 * The same module over memory that is not shared: one flag of the import of `env.memory`.
 * @param {Uint8Array} binary
 */
function unshared(binary) {
  const bytes = Uint8Array.from(binary);
  const name = [3, ...Buffer.from('env'), 6, ...Buffer.from('memory'), 2];
  const at = Buffer.from(bytes).indexOf(Buffer.from(name)) + name.length;
  // Limits: 3 is “shared, with a maximum”, 1 is “with a maximum”.
  if (at < name.length || bytes[at] !== 3) throw new Error('The kernels import no shared memory.');
  bytes[at] = 1;
  return bytes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildKernels();
