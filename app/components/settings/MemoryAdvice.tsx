/** @file Before a run that would not fit: why, and what to change, the most effective first. */
import { Button } from '@radix-ui/themes';
import { loadModel } from '../../session/actions/model';
import { memoryAdvice } from '../../session/memory';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { useLevers } from '../../session/useMemory';
import { Note } from '../ui/ErrorNote';

export function MemoryAdvice() {
  const report = useStudio((state) => state.memory.report);
  const request = useStudio((state) => state.model.request);
  const busy = useStudio(({ model, run }) => model.loading !== null || isRunning(run));
  const levers = useLevers();
  const advice = report && levers ? memoryAdvice(report, levers) : null;
  if (!advice) return null;
  return (
    <Note tone="warning" live>
      <p className="note-message">{advice.message}</p>
      <p>What helps: {advice.steps.join(', ')}.</p>
      {levers?.int8Possible && request && (
        <div className="note-actions">
          <Button size="1" variant="soft" disabled={busy} onClick={() => loadModel(request.origin, 'int8')}>
            Load it with 8-bit weights
          </Button>
        </div>
      )}
    </Note>
  );
}
