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

/** Validations that must all be without a mistake before a run has nothing left to learn. */
const FLAWLESS = 2;

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
    const stay = Math.ceil(ranked.length / 2);
    for (const { lane, validations } of ranked.slice(stay)) {
      const loss = (validations.at(-1) as ValidationRecord).loss;
      const why = `validation loss ${short(loss)} against ${short(lastLoss(ranked[0]))}: only the better half goes on`;
      ended.set(lane, { step, how: 'dropped', why });
    }
  }
  for (const { lane, validations } of going) {
    if (ended.has(lane)) continue;
    const flawless = validations.slice(-FLAWLESS);
    if (flawless.length === FLAWLESS && flawless.every(isFlawless)) {
      const why = 'every validation row is right, twice in a row';
      ended.set(lane, { step, how: 'settled', why });
      continue;
    }
    const since = validations.length - 1 - validations.findLastIndex(({ best }) => best);
    if (settings.patience > 0 && since >= settings.patience) {
      const why = `no better for ${since} validations`;
      ended.set(lane, { step, how: 'settled', why });
    }
  }
  return [...ended].map(([lane, end]) => ({ lane, end }));
}

function isFlawless({ accuracy, exact }: ValidationRecord): boolean {
  return exact === 1 && (accuracy === null || accuracy === 1);
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
