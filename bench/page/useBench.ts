/** @file One benchmark at a time, in a worker of its own. */
import { useCallback, useEffect, useRef, useState } from 'react';
import type { ProcessorReport } from '../processorReport';
import type { BenchReport, Progress } from '../report';
import type { PageSettings, RunMessage, RunRequest } from './messages';

export type BenchState =
  | { is: 'idle' }
  | { is: 'running'; progress: Progress }
  | { is: 'done'; report: BenchReport | ProcessorReport }
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
  const run = useCallback(
    (settings: PageSettings) => {
      end();
      setState({ is: 'running', progress: { text: 'starting', done: 0, of: 0 } });
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
    [end],
  );
  // A program that drives the page asks by its address.
  useEffect(() => {
    const asked = new URLSearchParams(location.search).get('run');
    if (asked) run(JSON.parse(asked));
  }, [run]);
  return {
    state,
    run,
    cancel() {
      end();
      setState({ is: 'idle' });
    },
  };
}
