/** @file The worker that reads people's files: by itself, so that whatever is in them, it can be ended. */
import { openData } from '../data/open';
import { type ParseAnswer, type ParseRequest, worded } from './parseMessages';

const tell = (answer: ParseAnswer) => globalThis.postMessage(answer);

globalThis.addEventListener('message', ({ data: { files, encoding } }: MessageEvent<ParseRequest>) => {
  const onProgress = (done: number, total: number) => tell({ type: 'progress', done, total });
  const onSilence = (bytes: number) => tell({ type: 'silence', bytes });
  openData(files, { encoding, onProgress, onSilence }).then(
    (opened) => tell({ type: 'opened', opened }),
    (error: unknown) => tell(worded(error)),
  );
});
