/** @file Why a prompt may not win: each sentence stands on a number, the likeliest first; none where it wins. */
import { describe, expect, it } from 'vitest';
import { compare, reportOf } from '../../app/evaluation/report';
import type { RowScore } from '../../app/evaluation/rowScore';
import { verdictWords } from '../../app/session/verdictWords';
import { type WhyNotInputs, whyNot } from '../../app/session/whyNot';
import type { StepRecord, ValidationRecord, Verdict } from '../../app/workers/protocol';

const rows = (count: number, right: number): RowScore[] =>
  Array.from({ length: count }, (_, row) => ({
    row,
    target: 'a',
    targetClass: 0,
    nats: 1,
    labels: 1,
    hits: 1,
    exact: row < right,
    likeliest: row < right ? 0 : 1,
    classes: null,
    answer: null,
  }));

/** Of so many of 100 rows right, by an instruction and by the prompt. */
function verdict(words: number, soft: number, more: Partial<Verdict> = {}): Verdict {
  const [a, b] = [rows(100, words), rows(100, soft)];
  return {
    step: 10,
    rows: 100,
    of: 100,
    whole: true,
    measure: 'accuracy',
    majority: 0.5,
    classes: ['a', 'b'],
    contenders: [
      reportOf('bare', rows(100, 10), 2),
      reportOf('instruction 1', a, 2),
      reportOf('soft prompt', b, 2),
    ],
    difference: { against: 'instruction 1', ...compare(a, b, 'accuracy') },
    wrong: [],
    inputs: { loss: 2, guessing: 8, rows: 16, tokens: 100 },
    ...more,
  };
}

/** Contenders of a verdict whose prompt takes every row for one class. */
function allTakenFor(one: number): Verdict['contenders'] {
  const { contenders } = verdict(60, 50);
  return contenders.map((each) =>
    each.name === 'soft prompt' && each.classes
      ? { ...each, classes: { ...each.classes, oneClass: one } }
      : each,
  );
}

const step = (number: number, loss: number): StepRecord => ({
  lane: 0,
  step: number,
  loss,
  gradientNorm: 1,
  learningRate: 0.1,
  tokens: 100,
  milliseconds: 50,
});
const pass = (number: number, loss: number, best = false): ValidationRecord => ({
  lane: 0,
  error: 0.1,
  step: number,
  loss,
  accuracy: 0.5,
  tokenAccuracy: 0.5,
  exact: 0.5,
  rows: 100,
  best,
});
const falling = Array.from({ length: 40 }, (_, i) => step(i + 1, 4 * 0.9 ** i));

type Data = NonNullable<WhyNotInputs['data']>;
const data: Data = {
  classes: ['a', 'b'],
  checks: [],
  training: 200,
  validation: 50,
  test: 50,
  labelTokens: 600,
  options: { kind: 'inputTarget', endOfText: true } as Data['options'],
};
const quiet: WhyNotInputs = {
  verdict: verdict(60, 50),
  settings: { learningRate: 0.02, virtualTokens: 30, steps: 40 },
  steps: falling,
  validations: [pass(20, 0.5), pass(40, 0.49, true)],
  data,
};
const seen = (changes: Partial<WhyNotInputs>) =>
  whyNot({ ...quiet, ...changes }).map((reason) => `${reason.seen} ${reason.attempt}`);

describe('why it may not win', () => {
  it('is not asked where it wins, or has not been judged', () => {
    expect(seen({ verdict: verdict(40, 90) })).toEqual([]);
    expect(seen({ verdict: verdict(40, 40, { difference: null, contenders: [] }) })).toEqual([]);
  });

  it('says nothing that no number speaks for', () => {
    expect(seen({})).toEqual([]);
  });

  it('says that words already do, and then nothing else', () => {
    const found = seen({ verdict: verdict(99, 99), data: { ...data, training: 8 } });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('your instruction is right on 99 %');
  });

  it.each<[string, Partial<WhyNotInputs>, RegExp]>([
    [
      'text that the model does not know',
      { verdict: verdict(60, 50, { inputs: { loss: 6.1, guessing: 7.34, rows: 16, tokens: 100 } }) },
      /hardly knows this kind of text: it needs 6.10 nats a token .* blind guessing needs 7.34\. Choose a larger model/,
    ],
    [
      'one answer to all',
      { verdict: verdict(60, 50, { contenders: allTakenFor(1) }) },
      /takes nearly every row for “b”/,
    ],
    [
      'labels in many pieces',
      { data: { ...data, classes: ['beneficiary', 'x'], labelTokens: 300 * 5 } },
      /An answer is 4.00 pieces .* more easily than “beneficiary”/,
    ],
    [
      'rows that disagree',
      {
        data: {
          ...data,
          checks: [
            {
              kind: 'disagreement',
              text: 'One input has different targets, in 2 rows.',
              rows: [3, 9],
              action: null,
            },
          ],
        },
      },
      /Rows disagree .* in 2 rows\. .* look at rows 3, 9/,
    ],
    ['few rows', { data: { ...data, training: 24, labelTokens: 248 } }, /only 24 rows to learn from/],
    [
      'a loss that hardly fell',
      { steps: falling.map(({ step: number }) => step(number, 4 - number / 200)) },
      /hardly fell, from 3\.\d+ to 3\.\d+\. A learning rate three times as high, 0.0600/,
    ],
    [
      'rows learned by heart',
      { validations: [pass(10, 0.5, true), pass(20, 0.6), pass(40, 0.9)] },
      /best at step 10 \(0.500\) and got worse after it \(0.900 at step 40\)/,
    ],
    [
      'a run that ended too soon',
      { validations: [pass(20, 0.9), pass(40, 0.5, true)] },
      /still getting better at the end: 0.900 at step 20, 0.500 at step 40\. More steps, 80/,
    ],
    ['a short prompt', { settings: { ...quiet.settings, virtualTokens: 4 } }, /has 4 virtual tokens/],
    ['a long prompt', { settings: { ...quiet.settings, virtualTokens: 200 } }, /Beyond a hundred/],
  ])('says so of %s', (_, changes, words) => {
    const found = seen(changes);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(words);
  });

  it('has the likeliest first', () => {
    const found = whyNot({
      ...quiet,
      verdict: verdict(60, 50, { inputs: { loss: 9, guessing: 8, rows: 16, tokens: 100 } }),
      data: { ...data, training: 10, classes: ['beneficiary', 'payee'], labelTokens: 5000 },
      settings: { ...quiet.settings, virtualTokens: 4 },
    });
    expect(found.map(({ seen }) => /knows|pieces|rows to learn|virtual/.exec(seen)?.[0])).toEqual([
      'knows',
      'pieces',
      'rows to learn',
      'virtual',
    ]);
  });

  it('says nothing of data that the run was not made with', () => {
    expect(seen({ data: null })).toEqual([]);
  });
});

describe('the verdict in words', () => {
  it('says aloud when the prompt takes all rows for one class', () => {
    expect(verdictWords(verdict(60, 50)).say).not.toContain('nearly every row');
    expect(verdictWords(verdict(60, 50, { contenders: allTakenFor(0) })).say).toMatch(
      /Words do better here\. It takes nearly every row for “a”\.$/,
    );
  });

  it('tells a first look from the whole, each with its rows', () => {
    const look = verdictWords(verdict(61, 88, { rows: 48, of: 300, whole: false }));
    expect(look.say).toMatch(/^At a first look, on 48 of the 300 rows it never saw: your instruction 61 %/);
    expect(look.aside).toContain('all test rows are asked when the run pauses or ends');
    const whole = verdictWords(verdict(61, 88));
    expect(whole.say).toMatch(
      /^On 100 rows it never saw: your instruction 61 %, this soft prompt 88 % \(\+27 points/,
    );
    expect(whole.aside).not.toContain('all test rows');
    expect(verdictWords(verdict(61, 88, { of: 5000 })).say).toMatch(/^On 100 of the 5,000 rows/);
  });
});
