/**
 * @file `npm run fuzz -- FORMAT… [--count N --seed S]` (`all` for every format): damaged files through the readers of the
 * page, in a process of its own that is ended where a file hangs it. Ends with 1 where anything went wrong.
 */
import { fork } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** Milliseconds without a word after which a mutant counts as hanging; above what a reading that ends may take. */
const HANG = 20_000;
/** Milliseconds until the runner, which compiles itself first, must be ready. */
const START = 120_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
});
const [count, seed] = [Number(values.count), Number(values.seed)];
const folder = dirname(fileURLToPath(import.meta.url));

/** @typedef {{ mutants: number, read: number, refused: number, faults: { index: number, kind: string, text: string }[] }} Total */

let runner = await start();
const known = runner.formats;
const wanted = positionals.includes('all') ? known : positionals;
const unknown = wanted.filter((name) => !known.includes(name));
if (wanted.length === 0 || unknown.length > 0 || !(count > 0) || !Number.isFinite(seed)) {
  console.error(`usage: npm run fuzz -- FORMAT… [--count N --seed S]; formats: ${known.join(', ')}, or all`);
  runner.child.kill('SIGKILL');
  process.exit(2);
}
let wrong = 0;
console.log('| format | mutants | read | refused in words | unworded | over 5 s | silently wrong |');
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const format of wanted) {
  const total = await run(format);
  const of = (/** @type {string[]} */ ...kinds) =>
    total.faults.filter(({ kind }) => kinds.includes(kind)).length;
  console.log(
    `| ${format} | ${total.mutants} | ${total.read} | ${total.refused - of('unworded')} | ${of('unworded', 'rejection')} | ${of('slow', 'ended')} | ${of('silent')} |`,
  );
  wrong += total.faults.length;
  for (const { index, kind, text } of total.faults.slice(0, 12)) {
    console.error(`  ${format} seed ${seed} mutant ${index}: ${kind}: ${text.slice(0, 900)}`);
  }
}
runner.child.kill('SIGKILL');
process.exitCode = wrong > 0 ? 1 : 0;

/** @param {string} format @returns {Promise<Total>} */
async function run(format) {
  /** @type {Total} */
  const total = { mutants: 0, read: 0, refused: 0, faults: [] };
  for (let from = 0; from < count; ) {
    const { child } = runner;
    let at = from;
    let so = { mutants: 0, read: 0, refused: 0 };
    const ended = await new Promise((resolve) => {
      /** @type {NodeJS.Timeout} */
      let timer;
      const wait = () => {
        clearTimeout(timer);
        timer = setTimeout(() => resolve('took too long and was ended'), HANG);
      };
      wait();
      child.once('exit', (code, signal) => resolve(`ended the process (${signal ?? `code ${code}`})`));
      child.on('message', (/** @type {any} */ message) => {
        if (message.kind === 'rejection') {
          total.faults.push({ index: at, kind: 'rejection', text: message.text });
          return;
        }
        if (message.kind === 'broken') throw new Error(`The campaign itself broke: ${message.text}`);
        total.faults.push(...message.faults);
        so = message;
        if (message.kind === 'end') {
          clearTimeout(timer);
          resolve(null);
          return;
        }
        at = message.index;
        wait();
      });
      child.send({ format, count, seed, from });
    });
    child.removeAllListeners();
    total.mutants += so.mutants + (ended === null ? 0 : 1);
    total.read += so.read;
    total.refused += so.refused;
    if (ended === null) return total;
    total.faults.push({ index: at, kind: 'ended', text: ended });
    child.kill('SIGKILL');
    runner = await start();
    from = at + 1;
  }
  return total;
}

/** @returns {Promise<{ child: import('node:child_process').ChildProcess, formats: string[] }>} */
async function start() {
  const child = fork(join(folder, '..', 'run.mjs'), [join(folder, 'runner.ts')], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--max-old-space-size=2048'],
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The runner did not start.')), START);
    child.once('exit', (code) => reject(new Error(`The runner ended with code ${code}.`)));
    child.once('message', (/** @type {any} */ { formats }) => {
      clearTimeout(timer);
      child.removeAllListeners();
      resolve({ child, formats });
    });
  });
}
