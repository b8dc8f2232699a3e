/** @file Three small curves under the large one: validation accuracy, learning rate, gradient norm. */
import { memo, type ReactNode } from 'react';
import { type Curve, lastOf } from '../../session/curve';
import { figures, percent } from '../../session/format';
import { Term } from '../ui/Term';
import { Sparkline } from './Sparkline';

export const SmallCurves = memo(function SmallCurves({
  columns,
  classes,
}: {
  columns: Curve;
  classes: boolean;
}) {
  return (
    <div className="small-curves">
      <Small
        name={
          classes ? <Term of="accuracy">validation accuracy</Term> : <Term of="exact">exact answers</Term>
        }
        step={columns.step}
        values={columns.accuracy}
        words={percent}
        share
      />
      <Small name="learning rate" step={columns.step} values={columns.learningRate} words={figures} />
      <Small
        name={<Term of="gradientNorm">gradient norm</Term>}
        step={columns.step}
        values={columns.gradientNorm}
        words={figures}
      />
    </div>
  );
});

interface SmallProps {
  name: ReactNode;
  step: number[];
  values: (number | null)[];
  words: (value: number) => string;
  share?: boolean;
}

function Small({ name, step, values, words, share }: SmallProps) {
  const first = values.find((value) => value !== null) ?? null;
  const last = lastOf(values);
  const rise = share && first !== null && first !== last;
  const value = last === null ? '–' : rise ? `${words(first)} → ${words(last)}` : words(last);
  return (
    <div className="small-curve">
      <p className="small-curve-words numbers">
        <span className="readout-name">{name}</span> <span className="small-curve-value">{value}</span>
      </p>
      <Sparkline step={step} values={values} share={share} />
    </div>
  );
}
