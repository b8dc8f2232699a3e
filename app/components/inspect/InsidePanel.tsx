/** @file Inside the prompt: what every virtual token is nearest to, and how far it has moved. */

import { figures } from '../../session/format';
import { useThrottled } from '../../session/hooks';
import type { StudioState } from '../../session/state';
import { Empty, Panel } from '../ui/Panel';
import { Term } from '../ui/Term';
import { NeighbourRows } from './NeighbourRows';

/** A table is read, not watched: changes come at a pace the eye can follow. */
const READ_INTERVAL = 200;
const none: number[] = [];
const tableOf = (state: StudioState) => state.run?.neighbours ?? null;
const nearestBefore = (state: StudioState) => state.run?.previousNearest ?? none;

export function InsidePanel() {
  const table = useThrottled(tableOf, READ_INTERVAL);
  const previousNearest = useThrottled(nearestBefore, READ_INTERVAL);
  return (
    <Panel
      title="Inside the prompt"
      aside={table ? `step ${table.step}` : undefined}
      className="panel-inside"
    >
      {!table && (
        <Empty>
          A <Term of="softPrompt">soft prompt</Term> is a row of <Term of="virtualToken">virtual tokens</Term>
          . While it trains, the real tokens that each one is nearest to are listed here.
        </Empty>
      )}
      {table && (
        <>
          <p className="facts">
            Nearest tokens are not meaning: equally good prompts can be near unrelated words. For comparison,
            a real token and its own nearest other token have a <Term of="cosine">cosine</Term> of{' '}
            <span className="numbers">{figures(table.baseline)}</span> (median).
          </p>
          <NeighbourRows table={table} previousNearest={previousNearest} />
        </>
      )}
    </Panel>
  );
}
