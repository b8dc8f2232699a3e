/** @file A curve without axes, a line of text high. Its numbers stand beside it in words. */
import { useThemeContext } from '@radix-ui/themes';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { chartColours } from './chartColours';

const HEIGHT = 34;

interface SparklineProps {
  step: number[];
  values: (number | null)[];
  /** Values are shares: the scale is 0 to 1. */
  share?: boolean;
}

export function Sparkline({ step, values, share = false }: SparklineProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const dark = useThemeContext().appearance === 'dark';
  const latest = useRef<uPlot.AlignedData>([step, values]);
  latest.current = [step, values];
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = new uPlot(options(element, dark, share), latest.current, element);
    plot.current = made;
    const watcher = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [dark, share]);
  useEffect(() => {
    plot.current?.setData([step, values]);
  }, [step, values]);
  return <div ref={place} className="sparkline" aria-hidden />;
}

function options(element: HTMLElement, dark: boolean, share: boolean): uPlot.Options {
  const colours = chartColours(element, dark);
  const stroke = share ? colours.validation : colours.smoothed;
  return {
    width: Math.max(40, element.clientWidth),
    height: HEIGHT,
    padding: [4, 4, 4, 4],
    legend: { show: false },
    cursor: { show: false },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: false },
      y: { range: (_, min, max) => (share ? [0, 1] : [0, max > 0 ? max * 1.05 : min === max ? 1 : max]) },
    },
    series: [
      {},
      {
        stroke,
        width: 1.5,
        spanGaps: true,
        points: {
          show: (u) => share && measured(u.data[1]) < 30,
          size: 4,
          fill: stroke,
        },
      },
    ],
  };
}

function measured(values: uPlot.AlignedData[number]): number {
  let count = 0;
  for (const value of values) if (value != null) count++;
  return count;
}
