/** @file A load that failed or was cancelled: why, and the way on that suits it: a token, going on, or trying again. */
import { Button, Text } from '@radix-ui/themes';
import { dismissModelError, loadAgain } from '../../session/actions/model';
import { kept } from '../../session/loading';
import { modelName, originName } from '../../session/modelAddress';
import { isRunning, type ModelLoad } from '../../session/state';
import { useStudio } from '../../session/store';
import { ErrorNote, Note } from '../ui/ErrorNote';
import { HubToken } from './HubToken';

export function ModelFault() {
  const { report, error, failed } = useStudio((state) => state.model);
  if (error) {
    return (
      <>
        <ErrorNote error={error} onDismiss={report ? dismissModelError : undefined}>
          {failed && <Again failed={failed} />}
          {report && (
            <Text size="1" color="gray">
              {modelName(report.id)} stays in use.
            </Text>
          )}
        </ErrorNote>
        {/* Beside the alert, not in it: what is typed here must not be read out as news. */}
        {error.remedy === 'token' && failed && (
          <div className="note">
            <HubToken onUsed={() => loadAgain(failed.request)} />
          </div>
        )}
      </>
    );
  }
  if (!failed) return null;
  const there = kept(failed.progress);
  return (
    <Note onDismiss={report ? dismissModelError : undefined}>
      <p>
        Loading {originName(failed.request.origin)} was cancelled{there ? `; ${there} are kept.` : '.'}
      </p>
      <div className="note-actions">
        <Again failed={failed} />
      </div>
    </Note>
  );
}

function Again({ failed }: { failed: ModelLoad }) {
  const running = useStudio((state) => isRunning(state.run));
  const there = kept(failed.progress);
  return (
    <Button size="1" variant="soft" disabled={running} onClick={() => loadAgain(failed.request)}>
      {there ? `Resume from ${there}` : 'Try again'}
    </Button>
  );
}
