/** @file The table of nearest vocabulary tokens, one row a virtual token. */
import { memo } from 'react';
import type { NeighbourTable, VirtualTokenRow } from '../../workers/protocol';
import { Term } from '../ui/Term';
import { visibleText } from '../ui/visibleText';

interface NeighbourRowsProps {
  table: NeighbourTable;
  /** First neighbours in the table before. */
  previousNearest: readonly number[];
}

export function NeighbourRows({ table, previousNearest }: NeighbourRowsProps) {
  const farthest = Math.max(...table.rows.map((row) => row.moved), 1e-9);
  return (
    // Scrolled by keyboard too.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling part without a control must be reachable
    <section className="neighbours" aria-label="Neighbours" tabIndex={0}>
      <table>
        <caption>Nearest vocabulary tokens</caption>
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">Virtual token</span>
            </th>
            <th scope="col">nearest five, cosine</th>
            <th scope="col" className="moved-head">
              <Term of="moved">moved</Term>
            </th>
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => {
            const before = previousNearest[row.index];
            const changed = before !== undefined && before !== row.neighbours[0]?.tokenId;
            return (
              // A new key when the nearest token changes starts its highlight anew.
              <Row
                key={`${row.index}-${row.neighbours[0]?.tokenId}`}
                row={row}
                changed={changed}
                farthest={farthest}
              />
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

const Row = memo(function Row({
  row,
  changed,
  farthest,
}: {
  row: VirtualTokenRow;
  changed: boolean;
  farthest: number;
}) {
  const [first, ...others] = row.neighbours;
  return (
    <tr>
      <th scope="row" className="numbers">
        v{row.index + 1}
      </th>
      <td>
        {first && (
          <span className={`neighbour neighbour-first ${changed ? 'is-changed' : ''}`}>
            <span className="neighbour-text">{visibleText(first.text)}</span>{' '}
            <span className="neighbour-value numbers">{cosine(first.value)}</span>
          </span>
        )}{' '}
        {others.map((neighbour) => (
          <span className="neighbour" key={neighbour.tokenId}>
            <span className="neighbour-text">{visibleText(neighbour.text)}</span>{' '}
            <span className="neighbour-value numbers">{cosine(neighbour.value)}</span>{' '}
          </span>
        ))}
      </td>
      <td className="moved numbers">
        {row.moved.toFixed(2)}
        <span className="moved-bar" aria-hidden>
          <span style={{ width: `${(row.moved / farthest) * 100}%` }} />
        </span>
      </td>
    </tr>
  );
});

/** Without the leading zero: a column of 0.s says nothing. */
function cosine(value: number): string {
  return value.toFixed(2).replace(/^(-?)0\./, '$1.');
}
