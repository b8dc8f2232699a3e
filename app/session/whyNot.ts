/**
 * @file What the page sees where a prompt does not win, and what to try, the likeliest first. Each sentence stands on a number
 * that is there; what no number speaks for is not said.
 */
import type { DatasetReport, RunSettings, StepRecord, ValidationRecord, Verdict } from '../workers/protocol';
import { count, figures, percent } from './format';
import { isStrange } from './suits';
import { bestValidation, smooth, smoothingWeight } from './summary';
import { barsOf, oneClass, verdictWords } from './verdictWords';

/** What is seen, and what to do about it. */
export interface Reason {
  seen: string;
  attempt: string;
}

export interface WhyNotInputs {
  verdict: Verdict;
  settings: Pick<RunSettings, 'learningRate' | 'virtualTokens' | 'steps'>;
  steps: readonly StepRecord[];
  validations: readonly ValidationRecord[];
  /** Of the data that the run was made with; null where the page has others by now. */
  data: Pick<
    DatasetReport,
    'classes' | 'checks' | 'training' | 'validation' | 'test' | 'labelTokens' | 'options'
  > | null;
}

/** From this share on there is next to nothing left to win. */
const NEARLY_ALL = 0.97;
/** Pieces a word of a label from which on it is told. */
const MANY_PIECES = 2.5;
const FEW_ROWS = 64;
const SHORT_PROMPT = 20;
const LONG_PROMPT = 100;

/** Empty where the prompt wins, and before it has been judged. */
export function whyNot({ verdict, settings, steps, validations, data }: WhyNotInputs): Reason[] {
  const { outcome } = verdictWords(verdict);
  if (outcome === null || outcome === 'wins') return [];
  const words = barsOf(verdict)
    .filter(({ kind }) => kind !== 'soft')
    .sort((a, b) => b.share - a.share)[0];
  if (words && words.share >= NEARLY_ALL && outcome !== 'loses') {
    return [
      {
        seen: `Words already do: ${words.name} is right on ${percent(words.share)} of the rows.`,
        attempt:
          'There is next to nothing left to win here. A prompt pays where words fall short: try harder rows.',
      },
    ];
  }
  return [
    strangeText(verdict),
    sameAnswer(verdict),
    data && splitLabels(data),
    data && disagreement(data),
    data && fewRows(data),
    ...rate(settings, steps, validations),
    length(settings),
  ].filter((reason) => reason !== null);
}

function strangeText({ inputs }: Verdict): Reason | null {
  if (!inputs || !isStrange(inputs)) return null;
  return {
    seen: `The model hardly knows this kind of text: it needs ${figures(inputs.loss)} nats a token for the inputs themselves, where blind guessing needs ${figures(inputs.guessing)}.`,
    attempt: 'Choose a larger model, or one made for this language and kind of text.',
  };
}

function sameAnswer(verdict: Verdict): Reason | null {
  const one = oneClass(verdict);
  if (one === null) return null;
  return {
    seen: `The prompt takes nearly every row for “${one}”.`,
    attempt:
      'It has not begun to tell rows apart: a start from words that name the task, a higher rate or more steps may set it going.',
  };
}

function splitLabels({
  classes,
  labelTokens,
  training,
  validation,
  test,
  options,
}: NonNullable<WhyNotInputs['data']>): Reason | null {
  if (!classes || options.kind !== 'inputTarget') return null;
  const ends = options.endOfText ? 1 : 0;
  const pieces = labelTokens / Math.max(1, training + validation + test) - ends;
  const words = classes.map((name) => name.trim().split(/\s+/u).length);
  const perWord = pieces / (words.reduce((sum, one) => sum + one, 0) / words.length);
  if (perWord < MANY_PIECES) return null;
  const longest = classes.toSorted((a, b) => b.length - a.length)[0];
  return {
    seen: `An answer is ${figures(pieces)} pieces to this model on average; all of them have to be right.`,
    attempt: `Shorter, common words as labels are learned more easily than “${longest}”.`,
  };
}

function disagreement({ checks }: NonNullable<WhyNotInputs['data']>): Reason | null {
  const check = checks.find(({ kind }) => kind === 'disagreement');
  if (!check) return null;
  return {
    seen: `Rows disagree with each other. ${check.text}`,
    attempt: `No prompt can get all of these right: look at rows ${check.rows.slice(0, 4).join(', ')}, and mend or remove them.`,
  };
}

function fewRows({ training }: NonNullable<WhyNotInputs['data']>): Reason | null {
  if (training >= FEW_ROWS) return null;
  return {
    seen: `There are only ${count(training)} rows to learn from.`,
    attempt:
      'More rows help most: a hundred or two are enough for most tasks. With few, start from words and take few virtual tokens.',
  };
}

/** What the curves say of rate and steps. */
function rate(
  settings: WhyNotInputs['settings'],
  steps: readonly StepRecord[],
  validations: readonly ValidationRecord[],
): Reason[] {
  if (steps.length < 10) return [];
  const losses = smooth(
    steps.map(({ loss }) => loss),
    smoothingWeight(settings.steps),
  );
  const [first, last] = [losses[0], losses[losses.length - 1]];
  if (last > 0.9 * first) {
    return [
      {
        seen: `The training loss hardly fell, from ${figures(first)} to ${figures(last)}.`,
        attempt: `A learning rate three times as high, ${figures(3 * settings.learningRate)}, may move it.`,
      },
    ];
  }
  const best = bestValidation(validations);
  const end = validations.at(-1);
  const before = validations.at(-2);
  if (!best || !end || !before) return [];
  if (end.loss > 1.05 * best.loss && best.step <= 0.7 * end.step) {
    return [
      {
        seen: `Validation was best at step ${best.step} (${figures(best.loss)}) and got worse after it (${figures(end.loss)} at step ${end.step}).`,
        attempt:
          'It learns the training rows by heart: more rows, a lower learning rate or fewer virtual tokens keep it from that.',
      },
    ];
  }
  if (best.step === end.step && end.loss < 0.97 * before.loss) {
    return [
      {
        seen: `Validation was still getting better at the end: ${figures(before.loss)} at step ${before.step}, ${figures(end.loss)} at step ${end.step}.`,
        attempt: `More steps, ${2 * settings.steps} for instance, would take it further.`,
      },
    ];
  }
  return [];
}

function length({ virtualTokens }: WhyNotInputs['settings']): Reason | null {
  if (virtualTokens < SHORT_PROMPT) {
    return {
      seen: `The prompt has ${virtualTokens} virtual tokens.`,
      attempt: 'Hard tasks gain up to 20 to 40 of them.',
    };
  }
  if (virtualTokens > LONG_PROMPT) {
    return {
      seen: `The prompt has ${virtualTokens} virtual tokens.`,
      attempt: 'Beyond a hundred they do more harm than good: try 20 to 40.',
    };
  }
  return null;
}
