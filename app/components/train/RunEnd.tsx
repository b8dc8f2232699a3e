/** @file What came out of a run that is over, or what to try when it failed. */
import { CheckCircledIcon } from '@radix-ui/react-icons';
import { isRunning, type StudioState } from '../../session/state';
import { useStudio } from '../../session/store';
import { runSummary } from '../../session/summary';
import { ErrorNote } from '../ui/ErrorNote';

/** A run that goes on has nothing to say here: selecting null spares a drawing with every step. */
const restingRun = ({ run }: StudioState) => (isRunning(run) ? null : run);

export function RunEnd() {
  const run = useStudio(restingRun);
  const phase = run?.state.phase;
  if (!run || !phase) return null;
  if (phase === 'failed') {
    const message = run.state.message ?? 'The run failed.';
    return <ErrorNote error={{ kind: 'training', message }} />;
  }
  if (phase === 'paused' && run.state.message) {
    return <p className="run-end">{run.state.message}</p>;
  }
  if (phase !== 'finished' && phase !== 'stopped') return null;
  return (
    <p className="run-end numbers">
      <CheckCircledIcon aria-hidden className="run-end-mark" />
      <span>
        {runSummary(run)}
        {run.validations.length > 0 && ' The best prompt is kept.'}
      </span>
    </p>
  );
}
