/** @file What 8-bit weights cost, measured on the person's own validation rows. */
import { Button, Text } from '@radix-ui/themes';
import { cancelComparison, compareInt8 } from '../../session/actions/model';
import { count, figures } from '../../session/format';
import { progressWords } from '../../session/loading';
import { isRunning, noComparison } from '../../session/state';
import { useStudio } from '../../session/store';
import type { Int8Cost as Int8CostReport } from '../../workers/protocol';
import { ErrorNote } from '../ui/ErrorNote';
import { ProgressLine } from '../ui/ProgressLine';
import { Term } from '../ui/Term';

export function Int8Cost() {
  const data = useStudio((state) => state.data.report);
  const running = useStudio((state) => isRunning(state.run));
  const measured = useStudio((state) => state.model.comparison);
  const { busy, progress, result, error } = measured.data === data || measured.busy ? measured : noComparison;
  if (busy) {
    return (
      <>
        {progress ? (
          <ProgressLine {...progressWords('the weights as stored', progress)} />
        ) : (
          <ProgressLine label="Measuring both" share={null} />
        )}
        <div className="row">
          <Button size="1" variant="soft" color="gray" onClick={cancelComparison}>
            Cancel measuring
          </Button>
        </div>
      </>
    );
  }
  return (
    <>
      {result && <Costs {...result} />}
      {error && <ErrorNote error={error} />}
      <div className="row">
        <Button size="1" variant="soft" disabled={!data || running} onClick={compareInt8}>
          {result ? 'Measure again' : 'Measure what 8 bits cost'}
        </Button>
        {!data && (
          <Text size="1" color="gray">
            on validation rows: choose data first
          </Text>
        )}
      </div>
    </>
  );
}

function Costs({ stored, int8, rows }: Int8CostReport) {
  const change = ((int8 - stored) / stored) * 100;
  return (
    <table className="costs">
      <caption>
        <Term of="loss">Loss</Term> of the bare model on {count(rows)} validation rows
      </caption>
      <tbody>
        <tr>
          <th scope="row">weights as stored</th>
          <td className="numbers">{precise(stored)}</td>
        </tr>
        <tr>
          <th scope="row">8-bit weights</th>
          <td className="numbers">
            {precise(int8)} ({change < 0 ? '−' : '+'}
            {Math.abs(change).toFixed(Math.abs(change) < 0.1 ? 2 : 1)} %)
          </td>
        </tr>
      </tbody>
    </table>
  );
}

/** One figure more than elsewhere: the difference is small. */
function precise(value: number): string {
  return value >= 0.1 && value < 1000 ? value.toFixed(4) : figures(value);
}
