/** @file The loss curve on a canvas: uPlot set up for a run that grows, zooms and may be logarithmic. */
import uPlot from 'uplot';
import type { Curve } from '../../session/curve';
import type { ReferenceLine } from '../../session/referenceLines';
import type { ValidationRecord } from '../../workers/protocol';
import { type ChartColours, chartColours } from './chartColours';
import { drawReferences } from './referenceLines';

export interface LossChartEvents {
  /** Row of the curve under the pointer, or null. */
  onPoint: (index: number | null) => void;
  onZoom: (zoomed: boolean) => void;
}

export interface LossChart {
  draw(columns: Curve, best: ValidationRecord | null, lines: readonly ReferenceLine[]): void;
  resize(width: number): void;
  /** Keyboard: moves the read-out by some rows. */
  movePoint(rows: number): void;
  /** Keyboard: zooms about the middle; above 1 shows more. */
  zoomBy(factor: number): void;
  showAll(): void;
  destroy(): void;
}

const HEIGHT = 240;
const FEWEST_STEPS = 10;

export function createLossChart(
  place: HTMLElement,
  log: boolean,
  dark: boolean,
  events: LossChartEvents,
): LossChart {
  const colours = chartColours(place, dark);
  let best: ValidationRecord | null = null;
  let lines: readonly ReferenceLine[] = [];
  /** The steps chosen by zooming, or null for all of them. */
  let view: [number, number] | null = null;
  const setView = (next: [number, number] | null) => {
    view = next;
    events.onZoom(view !== null);
  };
  const plot = new uPlot(
    {
      width: Math.max(200, place.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        points: { size: 7 },
      },
      scales: {
        x: { time: false, range: (_, min, max) => view ?? wholeRange(min, max) },
        y: {
          distr: log ? 3 : 1,
          range: (u, min, max) => {
            // A stretch that was zoomed into is shown as large as it can be.
            const heights = view ? [] : lines.map(({ loss }) => loss);
            const [low, high] = [least(min, heights), most(max, heights)];
            return lossRange(u, low, high, log);
          },
        },
      },
      axes: axes(colours),
      series: series(colours),
      hooks: {
        setCursor: [(u) => events.onPoint(u.cursor.idx ?? null)],
        setSelect: [
          (u) => {
            if (u.select.width < 4) return;
            setView([u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')]);
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            u.setData(u.data);
          },
        ],
        drawAxes: [(u) => drawReferences(u, lines, colours)],
        draw: [(u) => ringBest(u, best, colours)],
      },
    },
    [[], [], [], []],
    place,
  );
  const showAll = () => {
    setView(null);
    plot.setData(plot.data);
  };
  plot.over.addEventListener('dblclick', showAll);
  return {
    draw(columns, bestRecord, references) {
      best = bestRecord;
      lines = references;
      plot.setData([columns.step, columns.loss, columns.smoothed, columns.validation]);
    },
    resize: (width) => plot.setSize({ width, height: HEIGHT }),
    movePoint(rows) {
      const steps = plot.data[0];
      if (steps.length === 0) return;
      const index = Math.min(steps.length - 1, Math.max(0, (plot.cursor.idx ?? steps.length - 1) + rows));
      plot.setCursor({ left: plot.valToPos(steps[index], 'x'), top: 10 });
    },
    zoomBy(factor) {
      const { min, max } = plot.scales.x;
      const steps = plot.data[0];
      if (min === undefined || max === undefined || steps.length < 2) return;
      const half = ((max - min) / 2) * factor;
      const middle = plot.cursor.idx == null ? (min + max) / 2 : steps[plot.cursor.idx];
      const last = steps[steps.length - 1];
      if (half * 2 >= last - steps[0]) return showAll();
      setView([Math.max(steps[0], middle - half), Math.min(last, middle + half)]);
      plot.setData(plot.data);
    },
    showAll,
    destroy: () => plot.destroy(),
  };
}

/** A run that has just begun does not stretch its few steps over the whole width. */
function wholeRange(min: number | null, max: number | null): [number, number] {
  const first = min ?? 1;
  return [first, Math.max(first + FEWEST_STEPS, max ?? 0)];
}

function lossRange(u: uPlot, min: number | null, max: number | null, log: boolean): [number, number] {
  if (min === null || max === null) return log ? [0.1, 10] : [0, 1];
  if (log) {
    const low = Math.min(smallestPositive(u) ?? Infinity, min > 0 ? min : Infinity, max);
    return [(low > 0 ? low : 1e-3) / 1.15, Math.max(max, 1e-3) * 1.15];
  }
  // From zero unless the curve stays far above it: the height of a loss means something.
  const from = min > max * 0.6 ? min - (max - min) * 0.2 : 0;
  const pad = (max - from) * 0.06 || 0.1;
  return [Math.max(0, from), max + pad];
}

function least(min: number | null, heights: readonly number[]): number | null {
  return heights.length === 0 ? min : Math.min(min ?? Infinity, ...heights);
}

function most(max: number | null, heights: readonly number[]): number | null {
  return heights.length === 0 ? max : Math.max(max ?? -Infinity, ...heights);
}

function smallestPositive(u: uPlot): number | null {
  const steps = u.data[0];
  const { min, max } = u.scales.x;
  let low = Number.POSITIVE_INFINITY;
  for (const column of u.data.slice(1)) {
    column.forEach((value, row) => {
      const inside = steps[row] >= (min ?? -Infinity) && steps[row] <= (max ?? Infinity);
      if (inside && value != null && value > 0 && value < low) low = value;
    });
  }
  return Number.isFinite(low) ? low : null;
}

function axes(colours: ChartColours): uPlot.Axis[] {
  const shared: uPlot.Axis = {
    stroke: colours.text,
    font: colours.font,
    grid: { stroke: colours.grid, width: 1 },
    ticks: { show: false },
  };
  return [
    {
      ...shared,
      grid: { show: false },
      size: 28,
      space: 60,
      incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000],
    },
    {
      ...shared,
      size: 48,
      values: (_, ticks) => ticks.map((tick) => (tick == null ? '' : String(Number(tick.toPrecision(3))))),
    },
  ];
}

function series(colours: ChartColours): uPlot.Series[] {
  return [
    {},
    { label: 'loss', stroke: colours.raw, width: 1, points: { show: false }, spanGaps: true },
    { label: 'smoothed', stroke: colours.smoothed, width: 2, points: { show: false }, spanGaps: true },
    {
      label: 'validation',
      stroke: colours.validation,
      width: 1.5,
      dash: [5, 4],
      spanGaps: true,
      points: {
        show: (u) => measuredInView(u) <= u.bbox.width / uPlot.pxRatio / 10,
        size: 7,
        fill: colours.validation,
        stroke: colours.validation,
      },
    },
  ];
}

/** Validation passes between the chart's edges: where they crowd, their line alone is drawn. */
function measuredInView(u: uPlot): number {
  const { min, max } = u.scales.x;
  const steps = u.data[0];
  let count = 0;
  u.data[3].forEach((value, row) => {
    if (value != null && steps[row] >= (min ?? -Infinity) && steps[row] <= (max ?? Infinity)) count++;
  });
  return count;
}

function ringBest(u: uPlot, best: ValidationRecord | null, colours: ChartColours): void {
  if (!best || !Number.isFinite(best.loss)) return;
  const x = u.valToPos(best.step, 'x', true);
  const y = u.valToPos(best.loss, 'y', true);
  const { left, top, width, height } = u.bbox;
  if (!(x >= left && x <= left + width && y >= top && y <= top + height)) return;
  const pixel = uPlot.pxRatio;
  const { ctx } = u;
  ctx.save();
  ctx.strokeStyle = colours.validation;
  ctx.fillStyle = colours.validation;
  ctx.lineWidth = 2 * pixel;
  ctx.beginPath();
  ctx.arc(x, y, 8 * pixel, 0, 2 * Math.PI);
  ctx.stroke();
  ctx.font = `600 ${11 * pixel}px ${colours.family}`;
  const words = `best ${Number(best.loss.toPrecision(3))}`;
  const room = left + width - x;
  ctx.textAlign = room < 90 * pixel ? 'right' : 'left';
  ctx.strokeStyle = colours.panel;
  ctx.lineWidth = 4 * pixel;
  ctx.lineJoin = 'round';
  const at = x + (room < 90 * pixel ? -12 : 12) * pixel;
  ctx.strokeText(words, at, y - 9 * pixel);
  ctx.fillText(words, at, y - 9 * pixel);
  ctx.restore();
}
