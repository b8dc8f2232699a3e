/** @file What the verdict is made of: every contender's measures, where classes are mixed up, the rows that are still wrong. */
import { useState } from 'react';
import { figures, percent } from '../../session/format';
import { useStudio } from '../../session/store';
import { contenderLabel, rowsOf } from '../../session/verdictWords';
import type { Verdict } from '../../workers/protocol';
import { Fold } from '../ui/Fold';
import { Panel } from '../ui/Panel';
import { Term } from '../ui/Term';
import { ConfusionMatrix } from './ConfusionMatrix';
import { DataWork } from './DataWork';
import { WrongRows } from './WrongRows';

export function ResultsPanel() {
  const verdict = useStudio((state) => state.run?.verdict ?? null);
  return (
    <>
      {verdict && <Results verdict={verdict} />}
      <DataWork />
    </>
  );
}

function Results({ verdict }: { verdict: Verdict }) {
  const [cell, setCell] = useState<{ target: string; said: string } | null>(null);
  const soft = verdict.contenders.find(({ name }) => name === 'soft prompt');
  const matrix = soft?.classes?.matrix ?? null;
  return (
    <Panel
      title="Results"
      aside={`${verdict.whole ? '' : 'first look, '}${rowsOf(verdict)} of the test${soft ? `, prompt of step ${verdict.step}` : ''}`}
    >
      <Contenders verdict={verdict} />
      {matrix && verdict.classes && (
        <Fold title="Which classes are taken for which" startOpen={verdict.classes.length <= 8}>
          <ConfusionMatrix classes={verdict.classes} matrix={matrix} chosen={cell} onChoose={setCell} />
        </Fold>
      )}
      {soft && <WrongRows verdict={verdict} cell={cell} onAll={() => setCell(null)} />}
    </Panel>
  );
}

function Contenders({ verdict: { contenders, classes } }: { verdict: Verdict }) {
  const instructions = contenders.filter(({ name }) => name.startsWith('instruction')).length;
  const share = (value: { value: number; interval: { low: number; high: number } }) => (
    <td>
      {percent(value.value)}{' '}
      <span className="interval">
        {percent(value.interval.low)} to {percent(value.interval.high)}
      </span>
    </td>
  );
  return (
    <div className="table-frame">
      <table className="results-table numbers">
        <caption className="visually-hidden">Contenders on the test rows</caption>
        <thead>
          <tr>
            <th scope="col">contender</th>
            {classes && (
              <th scope="col">
                <Term of="accuracy">right by labels</Term>
              </th>
            )}
            <th scope="col">
              <Term of="exact">right as written</Term>
            </th>
            {classes && (
              <th scope="col">
                <Term of="macroF1">macro-F1</Term>
              </th>
            )}
            <th scope="col">
              <Term of="loss">loss</Term>
            </th>
          </tr>
        </thead>
        <tbody>
          {contenders.map((contender) => (
            <tr key={contender.name}>
              <th scope="row">
                {contenderLabel(contender.name, instructions)}
                {contender.classes?.oneClass != null && classes && (
                  <span className="one-class">
                    {' '}
                    says “{classes[contender.classes.oneClass]}” to nearly all
                  </span>
                )}
              </th>
              {classes && contender.accuracy && share(contender.accuracy)}
              {share(contender.exact)}
              {classes && <td>{figures(contender.classes?.macroF1 ?? 0)}</td>}
              <td>{figures(contender.loss)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
