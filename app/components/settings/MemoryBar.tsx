/** @file The memory that a run would take, beside what may be used: weights, training, how it saves, what to change. */
import { Button, Text } from '@radix-ui/themes';
import { setMemoryBudget } from '../../session/actions/memory';
import { GIBIBYTE, memoryWords, ofBudget, savingWords } from '../../session/memory';
import { useStudio } from '../../session/store';
import type { MemoryReport } from '../../workers/protocol';
import { Fold } from '../ui/Fold';
import { NumberBox } from '../ui/NumberBox';
import { Term } from '../ui/Term';
import { MemoryAdvice } from './MemoryAdvice';

export function MemoryBar() {
  const report = useStudio((state) => state.memory.report);
  if (!report) return null;
  return (
    <div className="stack memory">
      <Fold
        title={<Term of="trainingMemory">Memory</Term>}
        aside={ofBudget(report.weights + report.training, report.budget)}
      >
        <Budget report={report} />
      </Fold>
      <Bar report={report} />
      <p className="facts numbers">
        <span className="memory-swatch memory-weights" aria-hidden /> weights {memoryWords(report.weights)} ·{' '}
        <span className="memory-swatch memory-training" aria-hidden /> training {memoryWords(report.training)}
        {report.saving && (
          <>
            {' '}
            · <Term of="saving">{savingWords[report.saving]}</Term>
          </>
        )}
      </p>
      <MemoryAdvice />
    </div>
  );
}

/** Past the budget the bar shows where the budget ends. */
function Bar({ report: { weights, training, budget } }: { report: MemoryReport }) {
  const whole = Math.max(budget, weights + training);
  const share = (bytes: number) => `${(bytes / whole) * 100}%`;
  return (
    <div className="memory-bar" aria-hidden>
      <span className="memory-weights" style={{ width: share(weights) }} />
      <span className="memory-training" style={{ width: share(training) }} />
      {weights + training > budget && <span className="memory-limit" style={{ left: share(budget) }} />}
    </div>
  );
}

function Budget({ report }: { report: MemoryReport }) {
  const own = useStudio((state) => state.memory.budget !== null);
  return (
    <div className="stack">
      <NumberBox
        label="May be used"
        unit="GB"
        rule={{ min: 0.1, max: 1024, whole: false }}
        step={0.5}
        value={Number((report.budget / GIBIBYTE).toFixed(2))}
        onValue={(gigabytes) => setMemoryBudget(Math.round(gigabytes * GIBIBYTE))}
      />
      {own ? (
        <div className="row">
          <Text size="1" color="gray">
            yours
          </Text>
          <Button size="1" variant="ghost" onClick={() => setMemoryBudget(null)}>
            Guess again
          </Button>
        </div>
      ) : (
        <Text as="p" size="1" color="gray">
          {report.guessed
            ? 'A guess: browsers do not tell how much memory a device has. Enter what you know.'
            : 'What may be used at most.'}
        </Text>
      )}
    </div>
  );
}
