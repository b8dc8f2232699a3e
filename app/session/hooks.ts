/** @file Hooks that tie the session to the page: the clock, the page's title, leaving, and the colour scheme. */
import { type RefObject, useEffect, useLayoutEffect, useState, useSyncExternalStore } from 'react';
import { isRunning, type StudioState } from './state';
import { useStudio } from './store';
import { statusLine } from './summary';

const TITLE = 'Soft Prompt Studio';

/** The page's clock in milliseconds, renewed every `interval` while `active`. */
export function useNow(active: boolean, interval = 250): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    setNow(performance.now());
    if (!active) return;
    const timer = setInterval(() => setNow(performance.now()), interval);
    return () => clearInterval(timer);
  }, [active, interval]);
  return now;
}

/**
 * A part of the state, renewed at most every `interval` milliseconds: for what a person reads, which is slower
 * than what a chart draws. `select` must be the same function each time.
 */
export function useThrottled<T>(select: (state: StudioState) => T, interval: number): T {
  const [value, setValue] = useState(() => select(useStudio.getState()));
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    let last = Number.NEGATIVE_INFINITY;
    const take = () => {
      timer = null;
      last = performance.now();
      const next = select(useStudio.getState());
      setValue(() => next);
    };
    take();
    const unsubscribe = useStudio.subscribe(() => {
      timer ??= setTimeout(take, Math.max(0, last + interval - performance.now()));
    });
    return () => {
      unsubscribe();
      if (timer !== null) clearTimeout(timer);
    };
  }, [select, interval]);
  return value;
}

/** While the page is hidden its title tells how far the run is. */
export function useTitleProgress(): void {
  const hidden = useSyncExternalStore(
    (notify) => {
      document.addEventListener('visibilitychange', notify);
      return () => document.removeEventListener('visibilitychange', notify);
    },
    () => document.hidden,
  );
  const progress = useStudio((state) => {
    const busy = isRunning(state.run) || state.run?.state.phase === 'finished';
    return hidden && state.run && busy ? statusLine(state.run) : null;
  });
  useEffect(() => {
    document.title = progress === null ? TITLE : `${progress} – ${TITLE}`;
  }, [progress]);
}

/** Leaving while a run goes on asks first. */
export function useLeaveGuard(): void {
  const running = useStudio((state) => isRunning(state.run));
  useEffect(() => {
    if (!running) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [running]);
}

/** The width of an element in pixels, live; unlimited before it is known. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(Number.POSITIVE_INFINITY);
  useLayoutEffect(() => {
    if (!element.current) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.round(entry.contentRect.width)));
    setWidth(element.current.clientWidth);
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

/** Whether a media query holds, live. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (notify) => {
      const list = matchMedia(query);
      list.addEventListener('change', notify);
      return () => list.removeEventListener('change', notify);
    },
    () => matchMedia(query).matches,
  );
}
