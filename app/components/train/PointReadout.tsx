/** @file The values of the step under the pointer, or of the last one. */
import type { Curve } from '../../session/curve';
import { figures, percent } from '../../session/format';

export function PointReadout({ columns, index }: { columns: Curve; index: number | null }) {
  const row = index ?? columns.step.length - 1;
  const parts: [string, string][] = [['step', String(columns.step[row])]];
  const add = (name: string, value: number | null, words: (value: number) => string = figures) => {
    if (value !== null && value !== undefined) parts.push([name, words(value)]);
  };
  add('loss', columns.loss[row]);
  add('smoothed', columns.smoothed[row]);
  add('validation', columns.validation[row]);
  add('right', columns.accuracy[row], percent);
  add('rate', columns.learningRate[row]);
  add('gradient', columns.gradientNorm[row]);
  return (
    <p className="readout numbers">
      {parts.map(([name, value]) => (
        <span key={name}>
          <span className="readout-name">{name}</span> {value}
        </span>
      ))}
    </p>
  );
}
