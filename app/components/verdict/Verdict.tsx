/** @file Whether the soft prompt beats words, on rows that it was never chosen by: one sentence and a bar for each contender. */

import { count, percent } from '../../session/format';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { barsOf, verdictWords } from '../../session/verdictWords';
import type { Verdict as Judged } from '../../workers/protocol';
import { WhyNot } from './WhyNot';

/** Test rows asked so far, while the run rests. */
interface Progress {
  done: number;
  total: number;
}

/** Nothing until words have been scored. */
export function Verdict() {
  const verdict = useStudio((state) => state.run?.verdict ?? null);
  const scoring = useStudio(({ run }) => (isRunning(run) ? null : (run?.validationProgress ?? null)));
  return verdict && <VerdictOf verdict={verdict} scoring={scoring} />;
}

function VerdictOf({ verdict, scoring }: { verdict: Judged; scoring: Progress | null }) {
  const { say, aside, outcome } = verdictWords(verdict);
  return (
    <section className={`panel verdict verdict-${outcome ?? 'open'}`} aria-label="Verdict">
      <p className="verdict-say">{say}</p>
      <dl className="bars numbers">
        {barsOf(verdict).map((bar) => (
          <div key={bar.name} className={`bar-row bar-${bar.kind}`}>
            <dt>{bar.name}</dt>
            <dd>
              <span className="bar" aria-hidden>
                <span className="bar-share" style={{ width: `${100 * bar.share}%` }} />
                <span
                  className="bar-interval"
                  style={{ left: `${100 * bar.low}%`, right: `${100 * (1 - bar.high)}%` }}
                />
              </span>
              <span className="bar-number">{percent(bar.share)}</span>
              <span className="visually-hidden">
                , 95 % interval {percent(bar.low)} to {percent(bar.high)}
              </span>
            </dd>
          </div>
        ))}
      </dl>
      <p className="verdict-aside">{aside}</p>
      {scoring && (
        <p className="verdict-aside numbers">
          Asking all test rows: {count(scoring.done)} of {count(scoring.total)}
        </p>
      )}
      <WhyNot />
    </section>
  );
}
