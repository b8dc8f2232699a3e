/** @file The loss curve in the page: an image with a description, focusable so that arrows can read its values. */
import { useThemeContext } from '@radix-ui/themes';
import { type KeyboardEvent, type RefObject, useEffect, useRef } from 'react';
import type { Curve } from '../../session/curve';
import type { ReferenceLine } from '../../session/referenceLines';
import type { ValidationRecord } from '../../workers/protocol';
import { createLossChart, type LossChart } from './lossChart';

interface LossCurveProps {
  columns: Curve;
  best: ValidationRecord | null;
  lines: readonly ReferenceLine[];
  log: boolean;
  /** Id of the element that describes the curve in words. */
  describedBy: string;
  onPoint: (index: number | null) => void;
  onZoom: (zoomed: boolean) => void;
  chart: RefObject<LossChart | null>;
}

export function LossCurve(props: LossCurveProps) {
  const { columns, best, lines, log, describedBy, onPoint, onZoom, chart } = props;
  const place = useRef<HTMLDivElement>(null);
  // What the style sheet shows already: what is chosen comes a moment before.
  const dark = useThemeContext().appearance === 'dark';
  const latest = useRef({ columns, best, lines });
  latest.current = { columns, best, lines };
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = createLossChart(element, log, dark, { onPoint, onZoom });
    const { columns, best, lines } = latest.current;
    made.draw(columns, best, lines);
    chart.current = made;
    onZoom(false);
    const watcher = new ResizeObserver(() => made.resize(Math.max(200, element.clientWidth)));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [log, dark, onPoint, onZoom, chart]);
  useEffect(() => {
    chart.current?.draw(columns, best, lines);
  }, [columns, best, lines, chart]);
  return (
    <div
      ref={place}
      role="img"
      aria-label="Loss curve"
      aria-describedby={describedBy}
      className="loss-curve"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys read its values, plus and minus zoom
      tabIndex={0}
      onKeyDown={(event) => handleKey(event, chart.current)}
    />
  );
}

function handleKey(event: KeyboardEvent, chart: LossChart | null): void {
  const far = event.shiftKey ? 10 : 1;
  const actions: Record<string, (() => void) | undefined> = {
    ArrowLeft: () => chart?.movePoint(-far),
    ArrowRight: () => chart?.movePoint(far),
    '+': () => chart?.zoomBy(0.5),
    '=': () => chart?.zoomBy(0.5),
    '-': () => chart?.zoomBy(2),
    '0': () => chart?.showAll(),
    Escape: () => chart?.showAll(),
  };
  const action = actions[event.key];
  if (!action || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  action();
}
