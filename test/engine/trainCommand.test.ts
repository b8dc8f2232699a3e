/** @file The job of `npm run train` on the embedded model: its report, its file, and that a seed repeats it. */
import { describe, expect, it } from 'vitest';
import { importPrompt } from '../../app/prompt/importPrompt';
import { StudioService } from '../../app/workers/studio';
import { nodePlatform } from '../../tools/node/platform';
import { type Job, trainAndProve } from '../../tools/train/job';

const modelUrl = new URL('../../public/models/studio-2.6m/', import.meta.url).href;
const words = ['film', 'food', 'day', 'book', 'song', 'room', 'trip', 'town', 'show', 'game'];
const classes = [
  ['nice', 'good'],
  ['dull', 'bad'],
];
const rows = (subjects: string[]) =>
  subjects.flatMap((word) => classes.map(([how, target]) => `${how} ${word},${target}`));
const csv = (name: string, lines: string[]) => new File([`input,target\n${lines.join('\n')}\n`], name);

const job = (changes: Partial<Job> = {}): Job => ({
  model: { kind: 'url', url: modelUrl, id: 'studio-2.6m' },
  files: [csv('reviews.csv', rows(words))],
  testFile: csv('held.csv', rows(['car', 'house', 'meal'])),
  instructions: ['Say good or bad.', 'Is it good?'],
  shots: 0,
  method: 'prompt',
  search: 'none',
  seconds: null,
  steps: 6,
  backend: null,
  seed: 7,
  ...changes,
});
const done = (changes?: Partial<Job>) =>
  trainAndProve(new StudioService(nodePlatform), job(changes), () => undefined);

describe('the job of the train command', () => {
  it('trains, compares on the rows of the test file, and repeats itself with the same seed', async () => {
    const { report, file } = await done();
    expect(report).toMatchObject({
      settings: { steps: 6, seed: 7, method: 'prompt' },
      chosen: { backend: 'wasm', test: 6, classes: ['bad', 'good'] },
      rows: 6,
      steps: 6,
    });
    expect(report.contenders.map(({ name }) => name)).toEqual([
      'bare',
      'instruction 1',
      'instruction 2',
      'soft prompt',
    ]);
    for (const { accuracy, exact, loss, interval } of report.contenders) {
      expect(accuracy).toBeGreaterThanOrEqual(0);
      expect(exact).toBeLessThanOrEqual(1);
      expect(loss).toBeGreaterThan(0);
      expect(interval[0]).toBeLessThanOrEqual(accuracy ?? 0);
      expect(interval[1]).toBeGreaterThanOrEqual(accuracy ?? 1);
    }
    const { points, against } = report.difference ?? expect.fail('there is no difference');
    const named = (name: string) =>
      report.contenders.find((one) => one.name === name)?.accuracy ?? Number.NaN;
    expect(points).toBeCloseTo(100 * (named('soft prompt') - named(against)), 9);
    const again = await done();
    expect(again.report.contenders).toEqual(report.contenders);
    const values = (bytes: Uint8Array) => importPrompt([{ name: file.name, bytes: bytes.slice() }]).values;
    expect(values(again.file.bytes)).toEqual(values(file.bytes));
  });

  it('searches where that is asked for, tells of every prompt, and writes a prefix where one was asked for', async () => {
    const { report, file } = await done({ method: 'prefix', search: 'auto' });
    const { lanes, prompt } = report.chosen;
    expect(report.settings).toMatchObject({ method: 'prefix', search: 'auto' });
    expect(lanes.length).toBeGreaterThan(3);
    expect(lanes.every(({ name, best }) => name !== '' && best !== null)).toBe(true);
    expect(prompt.method).toBe('prefix');
    const { kind, virtualTokens } = importPrompt([{ name: file.name, bytes: file.bytes.slice() }]);
    expect({ kind, virtualTokens }).toEqual({ kind: 'prefix', virtualTokens: prompt.virtualTokens });
  });

  it('has no accuracy where there are no classes, and keeps to the time it is given', async () => {
    const texts = words.map((word, i) => `the ${word},${word} number ${i} of the ${words[(i * 7) % 10]}`);
    const { report } = await done({
      files: [csv('texts.csv', texts)],
      testFile: null,
      steps: null,
      seconds: 3,
    });
    expect(report.chosen.classes).toBeNull();
    expect(report.contenders.every(({ accuracy }) => accuracy === null)).toBe(true);
    expect(report.steps).toBeGreaterThan(0);
  });

  it('refuses in words what cannot be trained on', async () => {
    await expect(done({ files: [csv('empty.csv', [])] })).rejects.toMatchObject({ kind: 'data' });
  });
});
