/** @file Long work in slices: tells how far it is, lets other messages through, and stops when asked. */
import { nextTurn } from './eventLoop';

export interface WorkOptions {
  /** Called now and then with the part that is done; units are the caller's (bytes, rows). A total of 0: it cannot be told. */
  onProgress?: (done: number, total: number) => void;
  /** Called before a step during which nothing can be told, with the bytes that it goes through. */
  onSilence?: (bytes: number) => void;
  signal?: AbortSignal;
}

const SLICE_MS = 40;

/**
 * A pause to be awaited inside a long loop; it costs nothing until a slice of 40 ms is over.
 * @throws the signal's reason (an AbortError) once it is aborted.
 */
export function createPace({
  onProgress,
  signal,
}: WorkOptions): (done: number, total: number) => Promise<void> {
  let sliceEnd = performance.now() + SLICE_MS;
  signal?.throwIfAborted();
  return async (done, total) => {
    if (done < total && performance.now() < sliceEnd) return;
    onProgress?.(done, total);
    await nextTurn();
    signal?.throwIfAborted();
    sliceEnd = performance.now() + SLICE_MS;
  };
}
