/** @file Under a verdict that is no win: what the page sees, and what to try. */
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { whyNot } from '../../session/whyNot';
import { Fold } from '../ui/Fold';

/** Nothing while the run goes on: what a first look says may be another thing at its end. */
export function WhyNot() {
  const run = useStudio(({ run }) => (isRunning(run) ? null : run));
  const data = useStudio(({ data }) => data.report);
  if (!run?.verdict?.whole) return null;
  const same = data?.name === run.dataset?.name;
  const { verdict, settings, steps, validations } = run;
  const reasons = whyNot({ verdict, settings, steps, validations, data: same ? data : null });
  if (reasons.length === 0) return null;
  return (
    <Fold title="Why it may not win, the likeliest first" startOpen>
      <ol className="why-not">
        {reasons.map(({ seen, attempt }) => (
          <li key={seen}>
            {seen} <span className="why-not-try">{attempt}</span>
          </li>
        ))}
      </ol>
    </Fold>
  );
}
