/** @file Work found from the last visit: go on with it, or let it go. */
import { Button, Text } from '@radix-ui/themes';
import { useId } from 'react';
import { continueSaved, discardSaved } from '../../session/actions/opening';
import { useStudio } from '../../session/store';
import { phaseWords } from '../../session/summary';
import { ErrorNote } from '../ui/ErrorNote';

export function SavedBar() {
  const id = useId();
  const { work, busy, error } = useStudio((state) => state.saved);
  const modelReady = useStudio((state) => state.model.report !== null);
  const runThere = useStudio((state) => state.run !== null);
  if (!work || runThere) return error ? <ErrorNote error={error} /> : null;
  const phase = work.run?.phase;
  const elsewhere = work.run?.elsewhere ?? false;
  const over = phase === 'finished' || phase === 'stopped' || phase === 'failed';
  return (
    <>
      <section className="saved-bar" aria-label="Saved work">
        <Text as="p" size="2" className="numbers">
          {work.run ? (
            <>
              <strong>{elsewhere ? 'A run in another tab:' : 'A run from last time:'}</strong> step{' '}
              {work.run.step} / {work.run.steps}
              {over ? `, ${phaseWords[work.run.phase]}` : ''}
              {work.dataset ? ` on ${work.dataset}` : ''}
            </>
          ) : (
            <>
              <strong>Data from last time:</strong> {work.dataset}
            </>
          )}
        </Text>
        {elsewhere && (
          <Text as="p" size="1" color="gray" id={id}>
            It is open in another tab, which goes on with it. It can be continued here when that tab is
            closed.
          </Text>
        )}
        <div className="saved-actions">
          <Button
            size="1"
            onClick={continueSaved}
            disabled={busy || !modelReady || elsewhere}
            aria-describedby={elsewhere ? id : undefined}
            loading={busy && modelReady}
          >
            {work.run && !over ? 'Continue' : 'Bring it back'}
          </Button>
          <Button size="1" variant="soft" color="gray" onClick={discardSaved} disabled={busy || elsewhere}>
            Discard
          </Button>
        </div>
      </section>
      {error && <ErrorNote error={error} />}
    </>
  );
}
