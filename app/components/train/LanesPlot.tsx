/** @file Validation losses of prompts trained side by side, one line each; the table beside it has the numbers. */
import { figures } from '../../session/format';
import type { LaneReport, ValidationRecord } from '../../workers/protocol';

const WIDTH = 480;
const HEIGHT = 116;
const LEFT = 44;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;

interface LanesPlotProps {
  lanes: readonly LaneReport[];
  leader: number;
  /** Of all lanes. */
  validations: readonly ValidationRecord[];
  /** Of the whole run. */
  steps: number;
}

export function LanesPlot({ lanes, leader, validations, steps }: LanesPlotProps) {
  if (validations.length === 0) return null;
  const losses = validations.map(({ loss }) => loss);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const last = Math.max(steps, ...validations.map(({ step }) => step));
  const x = (step: number) => LEFT + (step / last) * (WIDTH - LEFT - RIGHT);
  const y = (loss: number) =>
    TOP + (high > low ? (high - loss) / (high - low) : 0.5) * (HEIGHT - TOP - BOTTOM);
  const lines = lanes.map(({ lane, name }) => ({
    lane,
    name,
    points: validations.filter((record) => record.lane === lane),
  }));
  return (
    <svg
      className="lanes-plot"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`Validation loss of ${lanes.length} prompts over ${last} steps, from ${figures(low)} to ${figures(high)}; the table below has the numbers.`}
    >
      <line className="lanes-axis" x1={LEFT} x2={WIDTH - RIGHT} y1={HEIGHT - BOTTOM} y2={HEIGHT - BOTTOM} />
      <text className="lanes-tick" x={LEFT - 6} y={y(high)} textAnchor="end" dominantBaseline="hanging">
        {figures(high)}
      </text>
      <text className="lanes-tick" x={LEFT - 6} y={y(low)} textAnchor="end">
        {high > low ? figures(low) : ''}
      </text>
      <text className="lanes-tick" x={LEFT} y={HEIGHT - 4}>
        0
      </text>
      <text className="lanes-tick" x={WIDTH - RIGHT} y={HEIGHT - 4} textAnchor="end">
        step {last}
      </text>
      {lines.map(({ lane, name, points }) => (
        <g key={lane} className={lane === leader ? 'lane-line lane-line-leader' : 'lane-line'}>
          <title>{name}</title>
          <polyline points={points.map(({ step, loss }) => `${x(step)},${y(loss)}`).join(' ')} />
          {points.map(({ step, loss }) => (
            <circle key={step} cx={x(step)} cy={y(loss)} r={lane === leader ? 3 : 2} />
          ))}
        </g>
      ))}
    </svg>
  );
}
