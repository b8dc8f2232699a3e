/** @file What was put right so far, and training on from the prompt in use with it. */
import { Cross2Icon } from '@radix-ui/react-icons';
import { Button, IconButton, Text } from '@radix-ui/themes';
import { useId } from 'react';
import { removeCorrection, trainNextRound } from '../../session/actions/rows';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { useResolvedSettings } from '../../session/useSettings';
import { ErrorNote } from '../ui/ErrorNote';

export function NextRound() {
  const id = useId();
  const { corrections, continuing, continueError } = useStudio((state) => state.rows);
  const why = useHindrance();
  const { settings } = useResolvedSettings();
  if (corrections.length === 0) return null;
  return (
    <section className="next-round" aria-labelledby={id}>
      <h3 id={id}>
        {corrections.length === 1 ? 'One example' : `${corrections.length} examples`} for a next round
      </h3>
      <ul>
        {corrections.map((one) => (
          <li key={one.id}>
            <span className="next-input">{one.input}</span> →{' '}
            <span className="next-target">{one.target}</span>
            <IconButton
              size="1"
              variant="ghost"
              color="gray"
              aria-label={`Leave out ${one.input}`}
              onClick={() => removeCorrection(one.id)}
            >
              <Cross2Icon />
            </IconButton>
          </li>
        ))}
      </ul>
      <div className="row">
        <Button
          size="1"
          loading={continuing}
          disabled={why !== null || !settings || continuing}
          onClick={() => settings && void trainNextRound(settings)}
        >
          Train a next round
        </Button>
        <Text size="1" color="gray">
          {why ??
            'From the present prompt, with these among the rows to learn from. Validation and test rows stay.'}
        </Text>
      </div>
      {continueError && <ErrorNote error={continueError} />}
    </section>
  );
}

/** Why no next round can begin now; null when one can. */
function useHindrance(): string | null {
  const running = useStudio((state) => isRunning(state.run));
  const pending = useStudio((state) => state.pending !== null);
  const prompt = useStudio((state) => state.prompt.report !== null);
  const data = useStudio((state) => state.data.report !== null && !state.data.updating);
  const loading = useStudio((state) => state.model.loading !== null);
  if (running || pending) return 'Once the run rests.';
  if (loading) return 'Once the model is there.';
  if (!prompt) return 'There is no prompt to go on from.';
  return data ? null : 'There is no dataset to add them to.';
}
