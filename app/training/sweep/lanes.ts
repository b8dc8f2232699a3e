/**
 * @file What the lanes of a run are: learners that share every step and differ in a setting or two. A plain run has one.
 * Each search is a list of changes to the run's own settings; what the person has set stays as it is.
 */
import { ownSettings } from '../learner';
import { METHODS, type MethodId } from '../methods/names';
import { SETTINGS } from '../settingsTable';
import type { Initialiser, LearnerSettings, RunSettings } from '../types';

export interface LanePlan {
  /** What sets it apart, in words; '' where there is nothing to be set apart from. */
  name: string;
  settings: LearnerSettings;
}

/** What a search may take as given. */
export interface LaneFacts {
  /** Positions that virtual tokens may take: the model's less the longest text's. */
  room: number;
  /** Whether the targets are classes, whose words are a start of their own. */
  classes: boolean;
  /** Training examples. */
  training: number;
  /** Settings that the person has chosen: `auto` leaves them as they are. */
  own: ReadonlySet<keyof RunSettings>;
}

type Change = Partial<LearnerSettings>;

const RATES = [0.25, 0.5, 1, 2, 4];
const LENGTHS = [1, 5, 10, 20, 40, 80];
const STARTS: Initialiser[] = ['text', 'labels', 'examples', 'vocabulary', 'random'];
const SEEDS = 4;
/** A long prompt, and one that moves fast, learn some tasks that the usual one does not (training.md's table). */
const AUTO = { longer: 2, faster: 2.5 };
/**
 * Of fewer examples a prompt had better begin as the examples themselves, in as many rows as they take, and move little
 * (Blau et al. 2024, arXiv 2410.17222).
 */
const FEW = { examples: 32, tokens: 100, slower: 0.5 };

/** The lanes of a run, at least one; no two alike. */
export function lanesOf(settings: RunSettings, facts: LaneFacts): LanePlan[] {
  const base = ownSettings(settings);
  const changed = changes(settings, facts).map((change) => ({ ...base, ...change }));
  const lanes = changed.length === 0 ? [base] : changed;
  const different = lanes.filter(
    (lane, i) => lanes.findIndex((other) => JSON.stringify(other) === JSON.stringify(lane)) === i,
  );
  return different.map((lane) => ({
    name: different.length > 1 ? nameOf(lane, different) : '',
    settings: lane,
  }));
}

function changes(settings: RunSettings, facts: LaneFacts): Change[] {
  const { learningRate, virtualTokens, seed } = settings;
  const framed = settings.before !== '' || settings.after !== '';
  const { min, max } = SETTINGS.learningRate;
  const rate = (factor: number) => ({
    learningRate: Math.min(max, Math.max(min, Number((factor * learningRate).toPrecision(2)))),
  });
  const length = (count: number) => ({
    virtualTokens: Math.max(1, Math.min(count, facts.room, SETTINGS.virtualTokens.max)),
  });
  switch (settings.search) {
    case 'none':
      return [];
    case 'rates':
      return RATES.map(rate);
    case 'lengths':
      return LENGTHS.map(length);
    case 'starts':
      return STARTS.filter((start) => start !== 'labels' || facts.classes).map((initialiser) => ({
        initialiser,
      }));
    case 'methods':
      return (Object.keys(METHODS) as MethodId[])
        .filter((method) => !framed || METHODS[method].kind === 'prompt')
        .map((method) => ({ method }));
    case 'seeds':
      return Array.from({ length: SEEDS }, (_, i) => ({ seed: (seed + i) % (SETTINGS.seed.max + 1) }));
    case 'auto': {
      const lengths = facts.own.has('virtualTokens')
        ? [virtualTokens]
        : [virtualTokens, AUTO.longer * virtualTokens];
      const rates = facts.own.has('learningRate') ? [1] : [1, AUTO.faster];
      const grid = lengths.flatMap((count) => rates.map((factor) => ({ ...length(count), ...rate(factor) })));
      const free = !facts.own.has('initialiser') && !facts.own.has('initText');
      const few = free && facts.training < FEW.examples;
      const examples = {
        initialiser: 'examples' as const,
        ...(facts.own.has('virtualTokens') ? {} : length(FEW.tokens)),
        ...(facts.own.has('learningRate') ? {} : rate(FEW.slower)),
      };
      return [...grid, ...(free ? starts(settings, facts) : []), ...(few ? [examples] : [])];
    }
  }
}

/** Other words to start from: the person's instruction, and the answers' own. */
function starts({ instructions, initText }: RunSettings, { classes }: LaneFacts): Change[] {
  const instruction = instructions[0];
  return [
    ...(instruction && instruction !== initText ? [{ initText: instruction }] : []),
    ...(classes ? [{ initialiser: 'labels' as const }] : []),
  ];
}

/** A lane in words: what it has and not all have. */
function nameOf(lane: LearnerSettings, lanes: readonly LearnerSettings[]): string {
  const varies = (key: keyof LearnerSettings) => lanes.some((other) => other[key] !== lane[key]);
  const parts = [
    varies('method') ? METHODS[lane.method].label : null,
    varies('virtualTokens') ? `${lane.virtualTokens} ${lane.virtualTokens === 1 ? 'token' : 'tokens'}` : null,
    varies('learningRate') ? `rate ${lane.learningRate}` : null,
    varies('initialiser') || varies('initText')
      ? lane.initialiser === 'text'
        ? `from “${shortened(lane.initText)}”`
        : `from ${SETTINGS.initialiser.choices[lane.initialiser]}`
      : null,
    varies('seed') ? `seed ${lane.seed}` : null,
  ];
  return parts.filter((part) => part !== null).join(', ');
}

const MOST_SHOWN = 32;

function shortened(text: string): string {
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN - 1)}…` : text;
}
