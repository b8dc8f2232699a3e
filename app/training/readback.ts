/**
 * @file Numbers on their way from the device to the host. They are asked for at each step and awaited only
 * when too many are under way: a read costs up to 100 ms in Firefox, and the device must not wait for it.
 */
import type * as tf from '@tensorflow/tfjs-core';

/** A queue of reads that arrive in the order in which they were asked for. */
export class Readback {
  private readonly pending: Promise<void>[] = [];
  private failure: { error: unknown } | null = null;

  /** `capacity` is how many reads may be under way. */
  constructor(private readonly capacity: number) {}

  /**
   * Starts reading the tensor, which it disposes, and calls `arrived` with its numbers after those of all earlier reads; where what
   * made them was not `accepted`, they never arrive.
   */
  push(tensor: tf.Tensor, accepted: Promise<void>, arrived: (values: Float32Array) => void): void {
    const reading = tensor.data<'float32'>().finally(() => tensor.dispose());
    const done = Promise.all([reading, accepted, this.pending.at(-1)])
      .then(([values]) => {
        if (!this.failure) arrived(values);
      })
      .catch((error) => {
        this.failure ??= { error };
      })
      .finally(() => {
        this.pending.splice(this.pending.indexOf(done), 1);
      });
    this.pending.push(done);
  }

  /** Resolves when another read may be started. @throws what a read or its `arrived` threw, from then on. */
  async room(): Promise<void> {
    while (this.pending.length >= this.capacity) await this.pending[0];
    if (this.failure) throw this.failure.error;
  }

  /** Resolves when everything asked for so far has arrived. @throws as `room`. */
  async drained(): Promise<void> {
    await this.pending.at(-1);
    if (this.failure) throw this.failure.error;
  }
}
