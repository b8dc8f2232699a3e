/** @file The worker has ended or met a fault of its own: what is kept, and the way on. */
import { Button } from '@radix-ui/themes';
import { startAgain } from '../../session/actions/restart';
import { useStudio } from '../../session/store';
import { ErrorNote } from '../ui/ErrorNote';

export function TrainerNotice() {
  const { error, restarting } = useStudio((state) => state.trainer);
  if (!error) return null;
  return (
    <ErrorNote error={error}>
      <Button size="1" loading={restarting} onClick={startAgain}>
        Start again
      </Button>
    </ErrorNote>
  );
}
