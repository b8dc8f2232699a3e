/** @file What the findings say of starts: steps until a loss is reached, against a start from text. */
import type { Start } from './cells';
import type { Facts } from './facts';
import { SPEED_RATES, STARTS, TARGETS } from './plan';
import { estimate, ratioOfSteps, type StepPair, type StepRatio, stepsUntil } from './statistics';
import { digits, listed, NONE, table, times } from './tables';

/** What is said to hold of text starts. */
const CLAIM = { low: 2, high: 5 };
const START_NAMES: Record<Start, string> = {
  text: 'text',
  vocabulary: 'sampled vocabulary',
  random: 'matched random',
  normal: 'PEFT’s N(0, 1)',
};
const OTHERS = STARTS.filter((start) => start !== 'text');
/** The loss that the claim is judged at. */
const LEAST = Math.min(...TARGETS);

/** Steps of every start, how many times those of text, and what that says of the claim. */
export function starts(facts: Facts): string {
  const rows = facts.samples.flatMap((sample) =>
    SPEED_RATES.filter((rate) => STARTS.some((start) => facts.speed(sample, start, rate))).map((rate) => [
      sample,
      `${rate}·RMS`,
      ...STARTS.map((start) => stepsOf(facts, sample, start, rate, LEAST)),
    ]),
  );
  const ratios = TARGETS.flatMap((target) =>
    SPEED_RATES.map((rate) => ({
      target,
      rate,
      found: OTHERS.map((start) => ratio(facts, start, rate, target)),
    })),
  ).filter(({ found }) => found.some((one) => one !== null));
  const sentences = ratios.flatMap(({ target, rate, found }) =>
    target === LEAST
      ? found.flatMap((one, i) => (one ? [`- ${rate}·RMS, ${START_NAMES[OTHERS[i]]}: ${claim(one)}.`] : []))
      : [],
  );
  return [
    `Steps until the validation loss is ${percentOf(LEAST)} of the bare model’s (mean over seeds; “2 of 3” where not all got there within the steps made):`,
    table(['sample', 'rate', ...STARTS.map((start) => START_NAMES[start])], rows),
    'How many times the steps that a start from text takes (geometric mean with 95 % interval, over seeds × samples):',
    table(
      ['until the loss is', 'rate', ...OTHERS.map((start) => START_NAMES[start])],
      ratios.map(({ target, rate, found }) => [
        `${percentOf(target)} of the bare model’s`,
        `${rate}·RMS`,
        ...found.map((one) => (one ? ratioWords(one) : NONE)),
      ]),
    ),
    ...listed(
      `“${CLAIM.low} to ${CLAIM.high} times fewer steps from text”, against each of the others, at ${percentOf(LEAST)}:`,
      sentences,
    ),
  ].join('\n\n');
}

function stepsOf(facts: Facts, sample: string, start: Start, rate: number, target: number): string {
  const speed = facts.speed(sample, start, rate);
  const loss = lossAt(facts, sample, target);
  if (!speed || loss === null) return NONE;
  const reached = speed.outcomes.flatMap(({ curve }) => stepsUntil(curve, loss) ?? []);
  if (reached.length === 0) return `over ${speed.limit}`;
  const part =
    reached.length < speed.outcomes.length ? ` (${reached.length} of ${speed.outcomes.length})` : '';
  return `${digits(estimate(reached).mean)}${part}`;
}

/** The loss that a share of the bare model's is. */
function lossAt(facts: Facts, sample: string, target: number): number | null {
  const words = facts.words(sample);
  return words ? target * words.validation.bare.loss : null;
}

function ratio(facts: Facts, start: Start, rate: number, target: number): StepRatio | null {
  const pairs = facts.samples.flatMap((sample): StepPair[] => {
    const text = facts.speed(sample, 'text', rate);
    const other = facts.speed(sample, start, rate);
    const loss = lossAt(facts, sample, target);
    if (!text || !other || loss === null) return [];
    return text.outcomes.map(({ curve }, i) => ({
      reference: stepsUntil(curve, loss),
      other: stepsUntil(other.outcomes[i].curve, loss),
      limit: text.limit,
    }));
  });
  return ratioOfSteps(pairs);
}

function ratioWords(found: StepRatio): string {
  const { otherMissed, referenceMissed } = found;
  const bound = otherMissed > referenceMissed ? 'at least ' : referenceMissed > otherMissed ? 'at most ' : '';
  return `${bound}${times(found)}`;
}

/** What a ratio says of the claim. */
function claim(found: StepRatio): string {
  const { low, high, otherMissed, referenceMissed, neither } = found;
  const missed = [
    otherMissed > 0 ? `it did not get there in ${otherMissed}` : '',
    referenceMissed > 0 ? `text did not in ${referenceMissed}` : '',
    neither > 0 ? `neither did in ${neither} more` : '',
  ].filter(Boolean);
  const words = `${ratioWords(found)} times the steps of text, of ${found.count} pairs${missed.length > 0 ? ` (${missed.join(', ')})` : ''}`;
  if (low === null || high === null) return words;
  if (high < 1) return `**text is the slower one**: ${words}`;
  if (low >= CLAIM.low) return `**holds**: ${words}`;
  if (high < CLAIM.low) return `**does not hold**: ${words}`;
  return `**is left open**: ${words}`;
}

/** Where text is the slower start, by the mean. */
export function startsBehind(facts: Facts): string[] {
  return SPEED_RATES.flatMap((rate) =>
    OTHERS.flatMap((start) => {
      const found = ratio(facts, start, rate, LEAST);
      if (!found || found.mean >= 1) return [];
      return [
        `- At ${rate}·RMS the text start is slower than ${START_NAMES[start]}, which takes ${ratioWords(found)} times its steps.`,
      ];
    }),
  );
}

function percentOf(share: number): string {
  return `${Math.round(100 * share)} %`;
}
