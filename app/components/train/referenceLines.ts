/** @file Across the loss chart, what words alone reach: a line each, named at its right end. */
import uPlot from 'uplot';
import type { ReferenceLine } from '../../session/referenceLines';
import type { ChartColours } from './chartColours';

/** Names closer than this, in pixels of the page, would lie over each other. */
const NAME_HEIGHT = 14;

/** Draws lines over the whole width, under the curves; those outside the shown heights are left out. */
export function drawReferences(u: uPlot, lines: readonly ReferenceLine[], colours: ChartColours): void {
  const { left, top, width, height } = u.bbox;
  const pixel = uPlot.pxRatio;
  const placed = lines
    .map((line) => ({ line, y: u.valToPos(line.loss, 'y', true) }))
    .filter(({ y }) => y >= top && y <= top + height)
    .sort((a, b) => a.y - b.y);
  const { ctx } = u;
  ctx.save();
  ctx.font = `600 ${11 * pixel}px ${colours.family}`;
  ctx.textAlign = 'right';
  ctx.lineJoin = 'round';
  for (const { line, y } of placed) {
    ctx.beginPath();
    ctx.strokeStyle = colours[line.kind];
    ctx.lineWidth = 1.5 * pixel;
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
  }
  // Names lie over all lines, and none over another.
  ctx.strokeStyle = colours.panel;
  ctx.lineWidth = 4 * pixel;
  ctx.fillStyle = colours.text;
  let lowest = Number.NEGATIVE_INFINITY;
  placed.forEach(({ line, y }, i) => {
    // Above its line, unless the line above is that near or the chart ends there.
    const free = y - (placed[i - 1]?.y ?? top);
    const below = free < NAME_HEIGHT * pixel;
    const at = Math.max(y + (below ? 14 : -6) * pixel, lowest + NAME_HEIGHT * pixel);
    lowest = at;
    ctx.strokeText(line.name, left + width - 4 * pixel, at);
    ctx.fillText(line.name, left + width - 4 * pixel, at);
  });
  ctx.restore();
}
