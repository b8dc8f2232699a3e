/** @file Reading in a worker: its answer, its errors in words, its progress, and its end when it hangs, dies or is cancelled. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DataError } from '../../app/data/errors';
import { openData } from '../../app/data/open';
import { openInWorker, type ParseWorker } from '../../app/workers/parseClient';
import { type ParseAnswer, type ParseRequest, worded } from '../../app/workers/parseMessages';

type Listener = (event: { data: ParseAnswer }) => void;

/** A worker that answers a request with what `work` tells; it hears nothing once it is ended. */
class FakeWorker {
  ended = false;
  private readonly listeners = new Map<string, Listener>();

  constructor(private readonly work: (request: ParseRequest, tell: (answer: ParseAnswer) => void) => void) {}

  addEventListener(type: string, listener: Listener): void {
    this.listeners.set(type, listener);
  }

  postMessage(request: ParseRequest): void {
    this.work(structuredClone(request), (answer) => this.hear('message', answer));
  }

  terminate(): void {
    this.ended = true;
  }

  hear(type: string, data: ParseAnswer): void {
    if (!this.ended) this.listeners.get(type)?.({ data: structuredClone(data) });
  }
}

const files = [{ name: 'a.csv', bytes: new TextEncoder().encode('text,label\na,x\n"b,y\n') }];
const good = [{ name: 'a.csv', bytes: new TextEncoder().encode('text,label\na,x\nb,y\n') }];

/** What the real worker does. */
const real = () =>
  new FakeWorker(({ files, encoding }, tell) => {
    const onProgress = (done: number, total: number) => tell({ type: 'progress', done, total });
    const onSilence = (bytes: number) => tell({ type: 'silence', bytes });
    openData(files, { encoding, onProgress, onSilence }).then(
      (opened) => tell({ type: 'opened', opened }),
      (error: unknown) => tell(worded(error)),
    );
  });

const run = (worker: FakeWorker, what = good, options = {}, patience?: number) =>
  openInWorker(() => worker as unknown as ParseWorker, what, options, patience);

describe('a file read in a worker', () => {
  test('gives what reading in place gives, with progress, and the worker is ended', async () => {
    const worker = real();
    const progress: number[] = [];
    const onProgress = (done: number, total: number) => progress.push(done / total);
    expect(await run(worker, good, { onProgress })).toEqual(await openData(good));
    expect(progress.at(-1)).toBe(1);
    expect(worker.ended).toBe(true);
  });

  test('fails in the same words, with the row once', async () => {
    const error = await run(real(), files).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DataError);
    const there = await openData(files).catch((reason: unknown) => reason as DataError);
    expect(error).toMatchObject({
      message: (there as DataError).message,
      row: 3,
      hint: (there as DataError).hint,
    });
  });

  test('that gets no further is ended', async () => {
    const worker = new FakeWorker((_request, tell) => tell({ type: 'progress', done: 1, total: 9 }));
    await expect(run(worker, good, {}, 20)).rejects.toThrow(/“a.csv” got no further for 0.02 seconds/);
    expect(worker.ended).toBe(true);
  });

  describe('that tells nothing while a step lasts', () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());
    const megabytes = (count: number): ParseAnswer => ({ type: 'silence', bytes: count * 1e6 });

    test('is waited for by the bytes of the step, and no longer than usual afterwards', async () => {
      let tell: (answer: ParseAnswer) => void = () => undefined;
      const worker = new FakeWorker((_request, answer) => {
        tell = answer;
        answer(megabytes(300));
      });
      const opened = run(worker);
      await vi.advanceTimersByTimeAsync(320_000);
      expect(worker.ended).toBe(false);
      tell({ type: 'progress', done: 1, total: 2 });
      await vi.advanceTimersByTimeAsync(29_000);
      expect(worker.ended).toBe(false);
      const end = expect(opened).rejects.toThrow(/got no further for 30 seconds/);
      await vi.advanceTimersByTimeAsync(2_000);
      await end;
      expect(worker.ended).toBe(true);
    });

    test('is ended all the same where it never comes back, and can be cancelled before', async () => {
      const worker = new FakeWorker((_request, tell) => tell(megabytes(10)));
      const end = expect(run(worker)).rejects.toThrow(/got no further for 40 seconds/);
      await vi.advanceTimersByTimeAsync(41_000);
      await end;
      expect(worker.ended).toBe(true);

      const controller = new AbortController();
      const other = new FakeWorker((_request, tell) => tell(megabytes(400)));
      const opened = run(other, good, { signal: controller.signal });
      controller.abort();
      await expect(opened).rejects.toThrow(/abort/i);
      expect(other.ended).toBe(true);
    });
  });

  test('of a workbook tells how much it goes through at one go, unpacked, before it does', async () => {
    const bytes = new Uint8Array(readFileSync('test/fixtures/data/sweep/xlsx/parts.xlsx'));
    const told: ParseAnswer[] = [];
    await openData([{ name: 'parts.xlsx', bytes }], {
      onProgress: (done, total) => told.push({ type: 'progress', done, total }),
      onSilence: (size) => told.push({ type: 'silence', bytes: size }),
    });
    const silent = told.findIndex(({ type }) => type === 'silence');
    expect(told.slice(0, silent).every((answer) => answer.type === 'progress' && answer.done === 0)).toBe(
      true,
    );
    expect(told[silent]).toMatchObject({ bytes: expect.any(Number) });
    expect((told[silent] as { bytes: number }).bytes).toBeGreaterThan(bytes.byteLength);
  });

  test('that takes the worker with it is said', async () => {
    const worker = new FakeWorker(() => undefined);
    const opened = run(worker);
    worker.hear('error', { type: 'progress', done: 0, total: 0 });
    await expect(opened).rejects.toThrow(/ended its worker/);
  });

  test('is given up at once when it is cancelled, whatever the worker does', async () => {
    const controller = new AbortController();
    const worker = new FakeWorker(() => undefined);
    const opened = run(worker, good, { signal: controller.signal });
    controller.abort();
    await expect(opened).rejects.toThrow(/abort/i);
    expect(worker.ended).toBe(true);
  });

  test('never shows what is not meant for a person', () => {
    const errors: unknown[] = [];
    const { error } = console;
    console.error = (value: unknown) => errors.push(value);
    try {
      const answer = worded(new TypeError('x is undefined'));
      expect(answer).toMatchObject({ type: 'failed', message: expect.not.stringMatching(/undefined/) });
      expect(errors).toHaveLength(1);
    } finally {
      console.error = error;
    }
  });
});
