/**
 * @file Which lanes go on after a validation, and which one's prompt the run gives. Both follow from the lanes' records alone, so
 * that a run that was broken off decides as one that was not.
 */
import type { LaneEnd, RunSettings, ValidationRecord } from '../types';

/** What is known of a lane. */
export interface LaneStanding {
  lane: number;
  /** Rows that are learned. */
  virtualTokens: number;
  going: boolean;
  /** Its validations in order. */
  validations: readonly ValidationRecord[];
}

/** Part of the validation rows that must be right, by labels and as written, for a lane to have next to nothing left to learn … */
const NEARLY_ALL = 0.99;
/** … in so many validations in a row. */
const IN_A_ROW = 2;

/** Lanes that end after a validation at `step`, and why. */
export function ending(
  settings: Pick<RunSettings, 'search' | 'patience'>,
  lanes: readonly LaneStanding[],
  step: number,
): { lane: number; end: LaneEnd }[] {
  const going = lanes.filter((lane) => lane.going && lane.validations.at(-1)?.step === step);
  const ended = new Map<number, LaneEnd>();
  if (settings.search === 'auto' && going.length > 1) {
    const ranked = going.toSorted((a, b) => lastLoss(a) - lastLoss(b));
    const done = ranked.filter(({ validations }) => isNearlyAll(validations.at(-1)));
    const one = leading(done.map((lane) => ({ ...lane, best: lane.validations.at(-1) ?? null })));
    const stay = one === null ? ranked.slice(0, Math.ceil(ranked.length / 2)).map(({ lane }) => lane) : [one];
    for (const lane of ranked.filter((other) => !stay.includes(other.lane))) {
      const why =
        one === null
          ? `validation loss ${short(lastLoss(lane))} against ${short(lastLoss(ranked[0]))}: only the better half goes on`
          : 'another one is right on nearly all validation rows already';
      ended.set(lane.lane, { step, how: 'dropped', why });
    }
  }
  for (const { lane, validations } of going) {
    if (ended.has(lane)) continue;
    if (settings.patience === 0) continue;
    const last = validations.slice(-IN_A_ROW);
    if (last.length === IN_A_ROW && last.every(isNearlyAll)) {
      const why = `${NEARLY_ALL * 100} % of the validation rows are right, twice in a row`;
      ended.set(lane, { step, how: 'settled', why });
      continue;
    }
    const since = validations.length - 1 - validations.findLastIndex(({ best }) => best);
    if (since >= settings.patience) {
      const why = `no better for ${since} validations`;
      ended.set(lane, { step, how: 'settled', why });
    }
  }
  return [...ended].map(([lane, end]) => ({ lane, end }));
}

function isNearlyAll(record: ValidationRecord | undefined): boolean {
  if (!record) return false;
  return record.exact >= NEARLY_ALL && (record.accuracy ?? 1) >= NEARLY_ALL;
}

/**
 * The lane whose best prompt is the run's: among those within one standard error of the lowest validation loss the one with
 * the fewest virtual tokens, of equals the one with the lower loss (Breiman et al. 1984, 3.4.3). Null before any validation.
 */
export function leading(
  lanes: readonly (Pick<LaneStanding, 'lane' | 'virtualTokens'> & {
    best: { loss: number; error: number } | null;
  })[],
): number | null {
  const scored = lanes.flatMap(({ best, ...lane }) => (best ? [{ ...lane, ...best }] : []));
  if (scored.length === 0) return null;
  const lowest = scored.reduce((a, b) => (b.loss < a.loss ? b : a));
  const near = scored.filter(({ loss }) => loss <= lowest.loss + lowest.error);
  const sorted = near.toSorted(
    (a, b) => a.virtualTokens - b.virtualTokens || a.loss - b.loss || a.lane - b.lane,
  );
  return sorted[0].lane;
}

function lastLoss({ validations }: LaneStanding): number {
  return validations.at(-1)?.loss ?? Number.POSITIVE_INFINITY;
}

function short(loss: number): string {
  return String(Number(loss.toPrecision(3)));
}
