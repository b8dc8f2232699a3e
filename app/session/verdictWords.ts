/** @file A verdict in words and bars: what beat what, by how much, how surely. Pure, so that page and tests read the same. */
import { type Outcome, outcomeOf } from '../evaluation/report';
import type { EnsembleReport, Verdict } from '../workers/protocol';
import { count, percent } from './format';

/** A contender as a bar. Shares are 0–1. */
export interface Bar {
  name: string;
  kind: 'bare' | 'words' | 'soft';
  share: number;
  low: number;
  high: number;
}

/** How many of these contenders are instructions. */
export function countInstructions(contenders: readonly { name: string }[]): number {
  return contenders.filter(({ name }) => name.startsWith('instruction')).length;
}

/** How the page speaks of a contender; the names themselves are for files and scripts. */
export function contenderLabel(name: string, instructions: number): string {
  if (name === 'bare') return 'bare model';
  if (name.endsWith('in context') && instructions > 0) {
    return `your ${instructions === 1 ? '' : 'first '}instruction with ${name}`;
  }
  const number = /^instruction (\d+)$/.exec(name)?.[1];
  if (number === undefined) return name;
  return instructions === 1 ? 'your instruction' : `your instruction ${number}`;
}

export function barsOf({ contenders, measure }: Verdict): Bar[] {
  const instructions = countInstructions(contenders);
  return contenders.map((contender) => {
    const share = (measure === 'accuracy' ? contender.accuracy : null) ?? contender.exact;
    return {
      name: contenderLabel(contender.name, instructions),
      kind: contender.name === 'bare' ? 'bare' : contender.name === 'soft prompt' ? 'soft' : 'words',
      share: share.value,
      low: share.interval.low,
      high: share.interval.high,
    };
  });
}

/** What is right about a row, by the verdict's measure. */
export function measureWords({ measure }: Pick<Verdict, 'measure'>): string {
  return measure === 'accuracy' ? 'right by comparing the labels’ likelihoods' : 'right word for word';
}

export interface VerdictWords {
  /** The sentence itself. */
  say: string;
  /** What else belongs to it, in a smaller voice. */
  aside: string;
  /** Null while there is no prompt to judge. */
  outcome: Outcome | null;
}

export function verdictWords(verdict: Verdict): VerdictWords {
  const { difference, majority, whole } = verdict;
  const bars = barsOf(verdict);
  const soft = bars.find(({ kind }) => kind === 'soft');
  const bare = bars.find(({ kind }) => kind === 'bare');
  const words = bars.filter(({ kind }) => kind === 'words').sort((a, b) => b.share - a.share)[0];
  const where = whole
    ? `On ${rowsOf(verdict)} it never saw`
    : `At a first look, on ${rowsOf(verdict)} it never saw`;
  const told = words ? `${words.name} ${percent(words.share)}` : null;
  const others = [
    words && bare ? `Bare model ${percent(bare.share)}` : null,
    majority === null || verdict.classes === null ? null : `always the commonest class ${percent(majority)}`,
    `${measureWords(verdict)}`,
    whole ? null : 'all test rows are asked when the run pauses or ends',
  ].filter((part) => part !== null);
  const aside = `${others.join(' · ')}.`;
  if (!soft || !difference) {
    const so = told ?? (bare ? `bare model ${percent(bare.share)}` : '');
    return {
      say: `${where}: ${so}. The soft prompt’s turn comes with the first validation.`,
      aside,
      outcome: null,
    };
  }
  const outcome = outcomeOf(difference);
  const one = oneClass(verdict);
  const same = one === null ? '' : ` It takes nearly every row for “${one}”.`;
  const against = told ?? (bare ? `bare model ${percent(bare.share)}` : '');
  const { low, high } = difference.interval;
  const by = `${signed(difference.points)} points, 95 % interval ${signed(low)} to ${signed(high)}`;
  const end = {
    wins: '',
    ahead: ' That may still be chance.',
    level: ' The prompt is no better than words.',
    behind: ' Words did better, though that may be chance.',
    loses: ' Words do better here.',
  }[outcome];
  return {
    say: `${where}: ${against}, this soft prompt ${percent(soft.share)} (${by}).${end}${same}`,
    aside,
    outcome,
  };
}

/** What several prompts are worth together: "The best 3 together: 88 % …". */
export function togetherWords({ members, alone, together, difference, ...of }: EnsembleReport): string {
  const { points, interval } = difference;
  const by = `${signed(points)} points, 95 % interval ${signed(interval.low)} to ${signed(interval.high)}`;
  const end = {
    wins: 'Together they are surely better; each text then costs as many answers as there are prompts.',
    ahead: 'That may still be chance.',
    level: 'One alone is as good.',
    behind: 'One alone is as good.',
    loses: 'One alone is better.',
  }[outcomeOf(difference)];
  return `The best ${members.length} together are right on ${percent(together.value)} of ${rowsOf(of)} that none of them ever saw, the run’s prompt alone on ${percent(alone.value)} (${by}). ${end}`;
}

/** The class that the soft prompt takes nearly every row for, though their targets differ; null where there is none. */
export function oneClass({ contenders, classes }: Pick<Verdict, 'contenders' | 'classes'>): string | null {
  const said = contenders.find(({ name }) => name === 'soft prompt')?.classes?.oneClass ?? null;
  return said === null ? null : (classes?.[said] ?? null);
}

/** How many test rows a verdict rests on: "48 of the 300 rows". */
export function rowsOf({ rows, of }: Pick<Verdict, 'rows' | 'of'>): string {
  return rows === of
    ? `${count(rows)} ${rows === 1 ? 'row' : 'rows'}`
    : `${count(rows)} of the ${count(of)} rows`;
}

function signed(points: number): string {
  const rounded =
    Math.abs(points) < 0.05
      ? '0'
      : Math.abs(points).toFixed(Number.isInteger(Number(points.toFixed(1))) ? 0 : 1);
  return points <= -0.05 ? `−${rounded}` : points >= 0.05 ? `+${rounded}` : '0';
}
