/** @file A run that trains several prompts side by side: how each of them stands, and which one is the run's. */
import { Button } from '@radix-ui/themes';
import { takeLane } from '../../session/actions/training';
import { figures, percent } from '../../session/format';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import type { LaneReport } from '../../workers/protocol';
import { Panel } from '../ui/Panel';
import { Term } from '../ui/Term';
import { LanesPlot } from './LanesPlot';
import { Together } from './Together';

export function LanesPanel() {
  const lanes = useStudio((state) => state.run?.state.lanes ?? null);
  const leader = useStudio((state) => state.run?.state.leader ?? 0);
  const all = useStudio((state) => state.run?.all.validations ?? null);
  const runId = useStudio((state) => state.run?.id ?? '');
  const steps = useStudio((state) => state.run?.state.steps ?? 0);
  const resting = useStudio((state) => !isRunning(state.run));
  const busy = useStudio((state) => state.pending !== null);
  if (!lanes || !all || lanes.length < 2) return null;
  const going = lanes.filter(({ ended }) => !ended).length;
  const ranked = lanes.toSorted((a, b) => lossOf(a) - lossOf(b) || a.lane - b.lane);
  return (
    <Panel
      title="Search"
      aside={resting ? `${lanes.length} prompts` : `${going} of ${lanes.length} prompts go on`}
      className="panel-lanes"
    >
      <LanesPlot lanes={lanes} leader={leader} validations={all} steps={steps} />
      <div className="table-frame">
        <table className="results-table">
          <caption className="visually-hidden">Prompts trained side by side, the best first</caption>
          <thead>
            <tr>
              <th scope="col">prompt</th>
              <th scope="col">
                <Term of="validation">validation</Term> loss
              </th>
              <th scope="col">right</th>
              <th scope="col">at step</th>
              <th scope="col">how it stands</th>
            </tr>
          </thead>
          <tbody>
            {ranked.map((lane) => (
              <tr key={lane.lane} className={lane.lane === leader ? 'lane-leader' : undefined}>
                <th scope="row">{lane.name}</th>
                <td className="numbers">{lane.best ? figures(lane.best.loss) : '—'}</td>
                <td className="numbers">
                  {lane.best ? percent(lane.best.accuracy ?? lane.best.exact) : '—'}
                </td>
                <td className="numbers">{lane.best?.step ?? '—'}</td>
                <td>
                  {standing(lane, lane.lane === leader, resting)}{' '}
                  {resting && lane.best && lane.lane !== leader && (
                    <Button
                      size="1"
                      variant="soft"
                      color="gray"
                      disabled={busy}
                      aria-label={`Use ${lane.name}`}
                      onClick={() => takeLane(lane.lane)}
                    >
                      Use
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Together runId={runId} prompts={lanes.filter(({ best }) => best).length} resting={resting} />
    </Panel>
  );
}

function lossOf({ best }: LaneReport): number {
  return best?.loss ?? Number.POSITIVE_INFINITY;
}

function standing({ ended, best }: LaneReport, leads: boolean, resting: boolean): string {
  const chosen = leads && best ? 'the run’s prompt' : null;
  const end = ended && `ended at step ${ended.step}: ${ended.why}`;
  const parts = [chosen, end ?? (resting ? null : 'goes on')].filter((part) => part !== null);
  return parts.join('; ');
}
