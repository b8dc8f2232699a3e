/** @file One benchmark at a time, in a worker of its own. */
import { useCallback, useEffect, useRef, useState } from 'react';
import type { BenchReport, Progress } from '../report';
import type { PageSettings, RunMessage, RunRequest } from './messages';

export type BenchState =
  | { is: 'idle' }
  | { is: 'running'; progress: Progress }
  | { is: 'done'; report: BenchReport }
  | { is: 'failed'; message: string };

export interface Bench {
  state: BenchState;
  run(settings: PageSettings): void;
  cancel(): void;
}

export function useBench(): Bench {
  const [state, setState] = useState<BenchState>({ is: 'idle' });
  const worker = useRef<Worker | null>(null);
  const end = useCallback(() => {
    worker.current?.terminate();
    worker.current = null;
  }, []);
  useEffect(() => end, [end]);
  return {
    state,
    run(settings) {
      end();
      setState({ is: 'running', progress: { text: 'looking for a GPU', done: 0, of: 0 } });
      const started = new Worker(new URL('./bench.worker.ts', import.meta.url), { type: 'module' });
      worker.current = started;
      const fail = (message: string) => {
        end();
        setState({ is: 'failed', message });
      };
      started.addEventListener('error', ({ message }) =>
        fail(message || 'The benchmark could not be loaded.'),
      );
      started.addEventListener('message', ({ data }: MessageEvent<RunMessage>) => {
        if (data.type === 'progress') setState({ is: 'running', progress: data.progress });
        else if (data.type === 'failed') fail(data.message);
        else {
          end();
          setState({ is: 'done', report: data.report });
        }
      });
      const request: RunRequest = { settings, baseUrl: document.baseURI };
      started.postMessage(request);
    },
    cancel() {
      end();
      setState({ is: 'idle' });
    },
  };
}
