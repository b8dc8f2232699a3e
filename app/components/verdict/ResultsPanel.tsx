/** @file What the verdict is made of: every contender's measures, where classes are mixed up, the rows that are still wrong. */
import { Button } from '@radix-ui/themes';
import { useState } from 'react';
import { figures, percent } from '../../session/format';
import { useStudio } from '../../session/store';
import { contenderLabel, rowsOf } from '../../session/verdictWords';
import type { Verdict, WrongRow } from '../../workers/protocol';
import { Fold } from '../ui/Fold';
import { Panel } from '../ui/Panel';
import { Term } from '../ui/Term';
import { ConfusionMatrix } from './ConfusionMatrix';

/** Wrong rows shown before asking for more. */
const FIRST_WRONG = 8;

export function ResultsPanel() {
  const verdict = useStudio((state) => state.run?.verdict ?? null);
  if (!verdict) return null;
  return <Results verdict={verdict} />;
}

function Results({ verdict }: { verdict: Verdict }) {
  const [cell, setCell] = useState<{ target: string; said: string } | null>(null);
  const soft = verdict.contenders.find(({ name }) => name === 'soft prompt');
  const matrix = soft?.classes?.matrix ?? null;
  const chosen = cell
    ? verdict.wrong.filter(({ target, said }) => target === cell.target && said === cell.said)
    : verdict.wrong;
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
      {soft && <WrongRows rows={chosen} all={cell === null} onAll={() => setCell(null)} />}
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

function WrongRows({ rows, all, onAll }: { rows: readonly WrongRow[]; all: boolean; onAll: () => void }) {
  const [shown, setShown] = useState(FIRST_WRONG);
  if (rows.length === 0) {
    return (
      <p className="results-none">{all ? 'The prompt gets no test row wrong.' : 'None of those listed.'}</p>
    );
  }
  return (
    <div className="table-frame">
      <table className="results-table">
        <caption className="results-caption">
          Rows it gets wrong, the least likely answer first
          {!all && (
            <Button size="1" variant="soft" color="gray" onClick={onAll}>
              Show all
            </Button>
          )}
        </caption>
        <thead>
          <tr>
            <th scope="col">row</th>
            <th scope="col">input</th>
            <th scope="col">wanted</th>
            <th scope="col">taken for</th>
            <th scope="col">words</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map((row) => (
            <tr key={row.row}>
              <td className="numbers">{row.row}</td>
              <td className="results-input">{row.input}</td>
              <td>{row.target}</td>
              <td>{row.said ?? '—'}</td>
              <td>{row.wordsRight === null ? '—' : row.wordsRight ? 'right' : 'wrong'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shown && (
        <Button size="1" variant="soft" color="gray" onClick={() => setShown(rows.length)}>
          {rows.length - shown} more
        </Button>
      )}
    </div>
  );
}
