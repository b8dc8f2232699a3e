/** @file Test rows that the prompt gets wrong, the worst first: filtered, tried in the playground, taken along as a file. */
import { Button, TextField } from '@radix-ui/themes';
import { useId, useState } from 'react';
import { tryExample } from '../../session/actions/playground';
import { askedText } from '../../session/askedText';
import { toCsv } from '../../session/csv';
import { count } from '../../session/format';
import { saveFile } from '../../session/saveFile';
import { useStudio } from '../../session/store';
import type { Verdict, WrongRow } from '../../workers/protocol';

/** Rows shown before asking for more. */
const FIRST_SHOWN = 8;

interface WrongRowsProps {
  verdict: Verdict;
  /** A cell of the confusion matrix that was chosen. */
  cell: { target: string; said: string } | null;
  onAll: () => void;
}

export function WrongRows({ verdict, cell, onAll }: WrongRowsProps) {
  const [text, setText] = useState('');
  const [onlyLost, setOnlyLost] = useState(false);
  const [shown, setShown] = useState(FIRST_SHOWN);
  const template = useStudio((state) => state.data.report?.options.inputTemplate ?? '');
  const box = useId();
  const all = verdict.wrong;
  if (all.length === 0) return <p className="results-none">The prompt gets none of these rows wrong.</p>;
  const rows = all.filter((row) => isChosen(row, text, onlyLost, cell));
  const filtered = rows.length < all.length;
  const clear = () => {
    setText('');
    setOnlyLost(false);
    onAll();
  };
  const lost = all.some(({ wordsRight }) => wordsRight === true);
  return (
    <div className="wrong-rows">
      <h3 className="results-caption">Rows it gets wrong, the least likely answer first</h3>
      <div className="row wrong-tools">
        <TextField.Root
          size="1"
          aria-label="Filter the wrong rows"
          placeholder="Filter by any word"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        {lost && (
          <label htmlFor={box} className="wrong-lost">
            <input
              id={box}
              type="checkbox"
              checked={onlyLost}
              onChange={(event) => setOnlyLost(event.target.checked)}
            />
            only those that words get right
          </label>
        )}
        <span className="numbers wrong-count" role="status">
          {filtered && `${count(rows.length)} of `}
          {count(all.length)} {all.length === 1 ? 'row' : 'rows'}
          {cell && ` · “${cell.target}” taken for “${cell.said}”`}
        </span>
        {filtered && (
          <Button size="1" variant="soft" color="gray" onClick={clear}>
            Show all
          </Button>
        )}
        <Button size="1" variant="soft" color="gray" onClick={() => saveFile('wrong rows.csv', fileOf(rows))}>
          Save as CSV
        </Button>
      </div>
      {rows.length === 0 ? (
        <p className="results-none">No wrong row is like that.</p>
      ) : (
        <WrongTable
          rows={rows.slice(0, shown)}
          saidName={verdict.measure === 'accuracy' ? 'taken for' : null}
          onTry={(row) => tryExample({ input: askedText(row, template), wanted: row.target })}
        />
      )}
      {rows.length > shown && (
        <Button size="1" variant="soft" color="gray" onClick={() => setShown(rows.length)}>
          {count(rows.length - shown)} more
        </Button>
      )}
    </div>
  );
}

function isChosen(row: WrongRow, text: string, onlyLost: boolean, cell: WrongRowsProps['cell']): boolean {
  if (onlyLost && row.wordsRight !== true) return false;
  if (cell && (row.target !== cell.target || row.said !== cell.said)) return false;
  const wanted = text.trim().toLowerCase();
  const words = [row.input, row.target, row.said ?? '', String(row.row)];
  return wanted === '' || words.some((word) => word.toLowerCase().includes(wanted));
}

interface WrongTableProps {
  rows: readonly WrongRow[];
  /** Head of the column of what was said; null where only that it was wrong is known. */
  saidName: string | null;
  onTry: (row: WrongRow) => void;
}

function WrongTable({ rows, saidName, onTry }: WrongTableProps) {
  return (
    <div className="table-frame">
      <table className="results-table">
        <caption className="visually-hidden">Rows the prompt gets wrong</caption>
        <thead>
          <tr>
            <th scope="col">row</th>
            <th scope="col">input</th>
            <th scope="col">wanted</th>
            {saidName && <th scope="col">{saidName}</th>}
            <th scope="col">words</th>
            <th scope="col">
              <span className="visually-hidden">try</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.row}>
              <td className="numbers">{row.row}</td>
              <td className="results-input">{row.input}</td>
              <td>{row.target}</td>
              {saidName && <td>{row.said ?? '—'}</td>}
              <td>{row.wordsRight === null ? '—' : row.wordsRight ? 'right' : 'wrong'}</td>
              <td>
                <Button
                  size="1"
                  variant="soft"
                  color="gray"
                  aria-label={`Try row ${row.row}`}
                  onClick={() => onTry(row)}
                >
                  Try
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function fileOf(rows: readonly WrongRow[]): Blob {
  const columns = ['row', 'input', 'wanted', 'taken for', 'words right', 'nats'];
  const lines = rows.map(({ row, input, target, said, wordsRight, nats }) => [
    row,
    input,
    target,
    said,
    wordsRight === null ? null : wordsRight ? 'yes' : 'no',
    Number(nats.toFixed(4)),
  ]);
  return new Blob([toCsv(columns, lines)], { type: 'text/csv;charset=utf-8' });
}
