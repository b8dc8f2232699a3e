/** @file Opens data in a worker of its own, which is ended when nothing moves any more or the person cancels. */
import { DataError } from '../data/errors';
import type { OpenOptions } from '../data/open';
import type { DataFile, OpenedData } from '../data/types';
import type { ParseAnswer, ParseRequest } from './parseMessages';

/** What the client needs of a worker. */
export type ParseWorker = Pick<Worker, 'postMessage' | 'terminate' | 'addEventListener'>;

/** Milliseconds without progress after which reading is ended. The slowest step that tells of itself takes a tenth of it. */
const PATIENCE = 30_000;
/**
 * Bytes in a millisecond that a step which tells nothing goes through on the slowest machine: a tenth of what an ordinary one
 * does, which reads a workbook of 23 MB, unpacked, in less than three seconds.
 */
const SLOWEST = 1000;

/**
 * `openData` in a worker that lives as long as the call.
 * @param patience milliseconds that may pass without progress, beside what a step that tells nothing takes for its bytes
 * @throws DataError as `openData`, and where reading hangs or needs more memory than there is; the signal's reason
 */
export function openInWorker(
  startWorker: () => ParseWorker,
  files: readonly DataFile[],
  { signal, onProgress, encoding }: OpenOptions = {},
  patience = PATIENCE,
): Promise<OpenedData> {
  signal?.throwIfAborted();
  const names = files.map(({ name }) => `“${name}”`).join(', ');
  return new Promise<OpenedData>((resolve, reject) => {
    const worker = startWorker();
    let timer: ReturnType<typeof setTimeout>;
    const end = (then: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      worker.terminate();
      then();
    };
    const cancel = () => end(() => reject(signal?.reason));
    const wait = (bytes = 0) => {
      clearTimeout(timer);
      const deadline = patience + bytes / SLOWEST;
      timer = setTimeout(() => end(() => reject(stuck(names, deadline))), deadline);
    };
    signal?.addEventListener('abort', cancel);
    worker.addEventListener('message', ({ data }: MessageEvent<ParseAnswer>) => {
      switch (data.type) {
        case 'progress':
          wait();
          onProgress?.(data.done, data.total);
          return;
        case 'silence':
          return wait(data.bytes);
        case 'opened':
          return end(() => resolve(data.opened));
        case 'failed':
          return end(() => reject(DataError.worded(data)));
      }
    });
    worker.addEventListener('error', () => end(() => reject(ended(names))));
    worker.addEventListener('messageerror', () => end(() => reject(ended(names))));
    wait();
    worker.postMessage({ files, encoding } satisfies ParseRequest);
  });
}

function stuck(names: string, deadline: number): DataError {
  const seconds = Math.round(deadline / 10) / 100;
  return new DataError(`Reading ${names} got no further for ${seconds} seconds and was ended.`, {
    hint: 'It may be damaged, or made to take forever. Take it again from where it came from.',
  });
}

function ended(names: string): DataError {
  return new DataError(`Reading ${names} ended its worker; it may need more memory than there is.`, {
    hint: 'Use a part of the rows, or take the file again from where it came from.',
  });
}
