/**
 * @file `npm run train`: the page's job without a page. The studio that the page's worker runs loads the model, reads the
 * data, trains, compares the prompt with words on rows that it was never chosen by, and writes the PEFT file.
 */
import { openAsBlob } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { StudioService } from '../../app/workers/studio';
import { nodePlatform } from '../node/platform';
import { filesAt } from '../read/files';
import { trainAndProve } from './job';
import { OptionError, parseOptions, type TrainOptions, USAGE } from './options';

/** A report on stdout must be all that is there. */
const say = (text: string) => process.stderr.write(`${text}\n`);

process.exitCode = await main(process.argv.slice(2));

/** @returns 0, 1 where something went wrong, 2 where what was asked for cannot be understood */
async function main(args: string[]): Promise<number> {
  let options: TrainOptions;
  try {
    options = parseOptions(args);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    say(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  try {
    await run(options);
    return 0;
  } catch (error) {
    say(wordsOf(error));
    return 1;
  }
}

async function run(options: TrainOptions): Promise<void> {
  const { model, data, test, out, json } = options;
  for (const path of [model, data, ...(test === null ? [] : [test])]) await mustBeThere(path);
  if (!(await stat(resolve(model))).isDirectory()) {
    throw {
      message: `“${model}” is a file.`,
      hint: 'A model is a folder with config.json and its other files.',
    };
  }
  // What takes minutes to make must have a place to go.
  await makeFolder(resolve(out));
  if (json !== null && json !== '-') await makeFolder(dirname(resolve(json)));
  const studio = new StudioService(nodePlatform);
  const job = {
    ...options,
    model: {
      kind: 'url',
      url: pathToFileURL(`${resolve(model)}/`).href,
      id: basename(resolve(model)),
    } as const,
    files: await filesAt(resolve(data)),
    testFile: test === null ? null : new File([await openAsBlob(resolve(test))], basename(test)),
  };
  const { report, file } = await trainAndProve(studio, job, say);
  const path = join(resolve(out), file.name);
  await writeFile(path, file.bytes);
  const text = `${JSON.stringify({ ...report, file: path }, null, 2)}\n`;
  if (json === '-') process.stdout.write(text);
  else if (json !== null) await writeFile(resolve(json), text);
  say(`The prompt is in ${path}.`);
}

async function mustBeThere(path: string): Promise<void> {
  if (await stat(resolve(path)).catch(() => null)) return;
  throw { message: `“${path}” is not there.`, hint: 'Check the path.' };
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch {
    throw {
      message: `“${path}” cannot be made a folder.`,
      hint: 'Name one that is not there yet, or may be written to.',
    };
  }
}

/** What the studio refuses with is words already; all else is told as it is. */
function wordsOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return String(error);
  const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : '';
  return [error.message, hint].filter(Boolean).join(' ');
}
