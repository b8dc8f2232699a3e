import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { Readback } from '../../app/training/readback';
import { StepLog } from '../../app/training/stepLog';

/** A tensor on a device that answers when told to. */
function slowTensor() {
  let resolve: (values: Float32Array) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<Float32Array>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  let disposed = false;
  const tensor = {
    data: () => promise,
    dispose() {
      disposed = true;
    },
  };
  return {
    tensor: tensor as unknown as tf.Tensor,
    answer: (value: number) => resolve(Float32Array.of(value)),
    fail: (message: string) => reject(new Error(message)),
    isDisposed: () => disposed,
  };
}

const accepted = Promise.resolve();

describe('reads under way', () => {
  it('arrive in the order in which they were asked for, and their tensors are given back', async () => {
    const readback = new Readback(3);
    const arrived: number[] = [];
    const reads = [slowTensor(), slowTensor(), slowTensor()];
    for (const { tensor } of reads) readback.push(tensor, accepted, ([value]) => arrived.push(value));
    reads[2].answer(2);
    reads[1].answer(1);
    reads[0].answer(0);
    await readback.drained();
    expect(arrived).toEqual([0, 1, 2]);
    expect(reads.every(({ isDisposed }) => isDisposed())).toBe(true);
  });

  it('never arrive where the device has not accepted what makes them, and say why', async () => {
    const readback = new Readback(3);
    const arrived: number[] = [];
    const [good, bad] = [slowTensor(), slowTensor()];
    readback.push(good.tensor, accepted, ([value]) => arrived.push(value));
    good.answer(1);
    await readback.drained();
    readback.push(bad.tensor, Promise.reject(new Error('refused')), ([value]) => arrived.push(value));
    bad.answer(2);
    await expect(readback.drained()).rejects.toThrow('refused');
    expect(arrived).toEqual([1]);
    expect(bad.isDisposed()).toBe(true);
  });

  it('leave room for another only when fewer than the capacity are left', async () => {
    const readback = new Readback(2);
    const [first, second] = [slowTensor(), slowTensor()];
    readback.push(first.tensor, accepted, () => {});
    await readback.room();
    readback.push(second.tensor, accepted, () => {});
    let hasRoom = false;
    const room = readback.room().then(() => {
      hasRoom = true;
    });
    second.answer(2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasRoom).toBe(false);
    first.answer(1);
    await room;
    expect(hasRoom).toBe(true);
  });

  it('tell a failed read to everyone who waits, and nothing of the reads after it', async () => {
    const readback = new Readback(3);
    const arrived: number[] = [];
    const reads = [slowTensor(), slowTensor()];
    for (const { tensor } of reads) readback.push(tensor, accepted, ([value]) => arrived.push(value));
    reads[0].fail('device lost');
    reads[1].answer(1);
    await expect(readback.drained()).rejects.toThrow('device lost');
    await expect(readback.room()).rejects.toThrow('device lost');
    expect(arrived).toEqual([]);
    expect(reads[0].isDisposed()).toBe(true);
  });
});

describe('the log of steps', () => {
  it('gives overlapping steps times that add up to the time that passed', async () => {
    const log = new StepLog([], () => {});
    const begun = performance.now();
    for (let step = 1; step <= 4; step++) {
      await new Promise((resolve) => setImmediate(resolve));
      // All were begun at once, as steps in flight are.
      const milliseconds = log.took(begun);
      log.add({ lane: 0, step, loss: 1, gradientNorm: 1, learningRate: 1, tokens: 1, milliseconds });
    }
    const passed = performance.now() - begun;
    const sum = log.records.reduce((s, record) => s + record.milliseconds, 0);
    expect(sum).toBeLessThanOrEqual(passed);
    expect(sum).toBeGreaterThan(0);
    expect(log.records.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
  });

  it('tells every record once, whenever it is asked to', () => {
    const told: number[] = [];
    const log = new StepLog([], (records) => told.push(...records.map(({ step }) => step)));
    for (let step = 1; step <= 5; step++) {
      log.add({ lane: 0, step, loss: 1, gradientNorm: 1, learningRate: 1, tokens: 1, milliseconds: 1 });
    }
    log.tell();
    log.tell();
    expect(told).toEqual([1, 2, 3, 4, 5]);
  });
});
