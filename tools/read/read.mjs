/**
 * @file `npm run --silent read -- data|model|tokenizer|prompt|chat PATH…`: one JSON line a path, exactly what the page would
 * make of it. Reading happens in a process of its own with a deadline, so that no file can hang the command.
 */
import { fork } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const KINDS = ['data', 'model', 'tokenizer', 'prompt', 'chat'];
/** Milliseconds that one path may take. */
const DEADLINE = 15_000;
/** Milliseconds until the reader, which compiles itself first, must be ready. */
const START = 60_000;

const [kind, ...paths] = process.argv.slice(2);
if (!KINDS.includes(kind) || paths.length === 0) {
  console.error(`usage: npm run --silent read -- ${KINDS.join('|')} PATH…`);
  process.exit(2);
}

const folder = dirname(fileURLToPath(import.meta.url));
/** @typedef {import('node:child_process').ChildProcess} Child */
/** The reader at work, if there is one. @type {{ child: Child | null }} */
const reader = { child: null };
for (const path of paths) {
  const line = await read(path);
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
reader.child?.kill('SIGKILL');

/** @param {string} path @returns {Promise<object>} */
async function read(path) {
  const child = reader.child ?? (await start());
  reader.child = child;
  const answer = await next(child, DEADLINE, () => child.send({ kind, path }));
  if (answer.ok) return answer.value;
  child.kill('SIGKILL');
  reader.child = null;
  return { path, error: { message: answer.message, hint: answer.hint } };
}

/** @returns {Promise<Child>} */
async function start() {
  const child = fork(join(folder, '..', 'run.mjs'), [join(folder, 'reader.ts')], {
    // Whatever a library prints is not an answer.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const ready = await next(child, START);
  if (ready.ok) return child;
  console.error(`The reader did not start: ${ready.message}`);
  child.kill('SIGKILL');
  process.exit(1);
}

/**
 * The next message of the reader, or why there is none.
 * @param {Child} child
 * @param {number} milliseconds
 * @param {() => void} [ask]
 * @returns {Promise<{ ok: true, value: object } | { ok: false, message: string, hint: string }>}
 */
function next(child, milliseconds, ask) {
  return new Promise((resolve) => {
    /** @param {Awaited<ReturnType<typeof next>>} answer */
    const end = (answer) => {
      clearTimeout(timer);
      child.removeAllListeners();
      resolve(answer);
    };
    const timer = setTimeout(
      () =>
        end({
          ok: false,
          message: `Reading it took longer than ${milliseconds / 1000} seconds and was ended.`,
          hint: 'It may be damaged, or made to take forever. Take it again from where it came from.',
        }),
      milliseconds,
    );
    child.once('message', (value) => end({ ok: true, value: /** @type {object} */ (value) }));
    child.once('exit', (code, signal) =>
      end({
        ok: false,
        message: `Reading it ended the reader (${signal ?? `code ${code}`}); it may need more memory than there is.`,
        hint: 'It may be damaged. Take it again from where it came from.',
      }),
    );
    ask?.();
  });
}
