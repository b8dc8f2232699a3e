import type { ProofHeader } from './carryOut';
import type { Cell, CellRecord } from './cells';
import type { Plan } from './plan';
export interface ProofResults {
  header: ProofHeader;
  plan: Plan;
  records: readonly CellRecord[];
  missing: readonly Cell[];
}
export function writeProof({ records }: ProofResults): Record<string, string> {
  return { all: JSON.stringify(records.map((r) => [r.cell, r.seconds, r.training])) };
}
