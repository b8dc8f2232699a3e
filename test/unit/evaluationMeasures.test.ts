/** @file Measures of answers and class scores against scikit-learn, SciPy, statsmodels, sacreBLEU and rouge-score. */
import { describe, expect, it } from 'vitest';
import {
  type ClassRule,
  classMeasures,
  classProbabilities,
  confusionMatrix,
  expectedCalibrationError,
  macroF1,
  majority,
  predictedClasses,
  predictsOneClass,
  rightByLabels,
} from '../../app/evaluation/classes';
import {
  bootstrapDifference,
  bootstrapMean,
  mcnemar,
  quantile,
  wilson,
} from '../../app/evaluation/intervals';
import { isJsonTask, measureJson } from '../../app/evaluation/json';
import { exactOf, lossOf, perplexityOf, type RowScore, tokenAccuracyOf } from '../../app/evaluation/rowScore';
import { chrF, corpusChrF, rougeL, sameText, tokenF1 } from '../../app/evaluation/texts';
import expected from '../fixtures/evaluation/expected.json';

function row(partial: Partial<RowScore>): RowScore {
  return {
    row: 0,
    target: '',
    targetClass: null,
    nats: 0,
    labels: 1,
    hits: 0,
    exact: false,
    likeliest: null,
    classes: null,
    answer: null,
    ...partial,
  };
}

describe.each(expected.classes.map((sample) => [sample.classes, sample] as const))(
  '%i classes by scikit-learn',
  (count, sample) => {
    const rows = sample.targets.map((targetClass, i) =>
      row({
        row: i,
        targetClass,
        likeliest: sample.nats[i].indexOf(Math.min(...sample.nats[i])),
        classes: { nats: Float64Array.from(sample.nats[i]), labels: Uint16Array.from(sample.labels) },
      }),
    );
    it.each(Object.entries(sample.rules) as [ClassRule, (typeof sample.rules)['sum']][])(
      'compared by %s',
      (rule, wanted) => {
        const predicted = predictedClasses(rows, rule);
        const probabilities = classProbabilities(rows, rule);
        const matrix = confusionMatrix(sample.targets, predicted, count);
        const measures = classMeasures(matrix);
        expect(predicted).toEqual(wanted.predicted);
        expect(rightByLabels(rows, rule).filter(Boolean).length / rows.length).toBeCloseTo(
          wanted.accuracy,
          8,
        );
        expect(matrix).toEqual(wanted.matrix);
        expect(macroF1(matrix)).toBeCloseTo(wanted.macroF1, 8);
        for (const name of ['precision', 'recall', 'f1', 'support'] as const) {
          measures.forEach((measure, c) => {
            expect(measure[name]).toBeCloseTo(wanted[name][c], 8);
          });
        }
        expect(expectedCalibrationError(probabilities, sample.targets)).toBeCloseTo(wanted.ece, 8);
        probabilities.forEach((row, i) => {
          expect(Math.max(...row)).toBeCloseTo(wanted.probability[i], 8);
          expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
        });
      },
    );
  },
);

describe('class answers', () => {
  it('tell the commonest target, the first of equals', () => {
    expect(majority([2, 0, 2, 1, 0])).toEqual({ class: 0, share: 0.4 });
    expect(majority([])).toBeNull();
  });

  it('that are all of one class are noticed, unless the targets are, too', () => {
    const targets = Array.from({ length: 40 }, (_, i) => i % 4);
    expect(predictsOneClass(targets, targets)).toBeNull();
    expect(predictsOneClass(targets, new Array(40).fill(3))).toBe(3);
    expect(predictsOneClass(new Array(40).fill(3), new Array(40).fill(3))).toBeNull();
  });

  it('need rows that were scored for every class', () => {
    expect(() => classProbabilities([row({})])).toThrow(RangeError);
  });

  it('survive likelihoods too small for a float', () => {
    const scores = { nats: Float64Array.of(4000, 5000), labels: Uint16Array.of(1, 1) };
    const rows = [row({ classes: scores, targetClass: 0 })];
    for (const rule of ['sum', 'mean', 'calibrated'] as const) {
      expect(classProbabilities(rows, rule)[0].every(Number.isFinite)).toBe(true);
    }
  });
});

describe('texts', () => {
  it.each(expected.texts.map((pair) => [pair.answer, pair.target, pair] as const))(
    '“%s” for “%s” is as near as the libraries say',
    (answer, target, wanted) => {
      expect(tokenF1(answer, target)).toBeCloseTo(wanted.tokenF1, 8);
      expect(chrF(answer, target)).toBeCloseTo(wanted.chrF, 8);
      if (wanted.rougeL !== null) expect(rougeL(answer, target)).toBeCloseTo(wanted.rougeL, 8);
    },
  );

  it('have a chrF together', () => {
    expect(corpusChrF(expected.texts)).toBeCloseTo(expected.corpusChrF, 8);
  });

  it('of any script have words for ROUGE-L', () => {
    expect(rougeL('красная лампа', 'красная большая лампа')).toBeCloseTo(0.8, 12);
  });

  it('are the same but for white space at their ends', () => {
    expect(sameText(' Lima\n', 'Lima')).toBe(true);
    expect(sameText('lima', 'Lima')).toBe(false);
  });
});

describe('JSON answers', () => {
  it('are told by their targets', () => {
    expect(isJsonTask(['{"a": 1}', '[2]'])).toBe(true);
    expect(isJsonTask(['{"a": 1}', '3'])).toBe(false);
    expect(isJsonTask([])).toBe(false);
  });

  it.each([
    ['{"b": 2, "a": 1}', '{"a":1,"b":2}', { parses: true, fields: 1, exact: true }],
    ['{"a": 1, "b": 3}', '{"a":1,"b":2}', { parses: true, fields: 0.5, exact: false }],
    ['{"a": 1, "b": 2, "c": 3}', '{"a":1,"b":2}', { parses: true, fields: 2 / 3, exact: false }],
    ['{"a": [1, 2]}', '{"a": {"0": 1, "1": 2}}', { parses: true, fields: 0, exact: false }],
    ['{"a": "1"}', '{"a": 1}', { parses: true, fields: 0, exact: false }],
    ['{"a": {}}', '{"a": {}}', { parses: true, fields: 1, exact: true }],
    ['{"a": 1', '{"a": 1}', { parses: false, fields: 0, exact: false }],
    ['{"a": 1}', 'not JSON', { parses: true, fields: 0, exact: false }],
    ['{"__proto__": 1}', '{"__proto__": 1}', { parses: true, fields: 1, exact: true }],
  ])('%s for %s', (answer, target, wanted) => {
    expect(measureJson(answer, target)).toEqual(wanted);
  });
});

describe('intervals', () => {
  it.each(expected.wilson)('Wilson of $right in $count as SciPy has it', ({ right, count, low, high }) => {
    const interval = wilson(right, count);
    expect(interval.low).toBeCloseTo(low, 8);
    expect(interval.high).toBeCloseTo(high, 8);
  });

  it('know nothing without rows', () => {
    expect(wilson(0, 0)).toEqual({ low: 0, high: 1 });
    expect(bootstrapMean([])).toEqual({ low: 0, high: 0 });
  });

  it.each(expected.mcnemar)(
    'McNemar of $onlyA against $onlyB as statsmodels has it',
    ({ onlyA, onlyB, p }) => {
      const rows = [
        ...new Array(onlyA).fill([true, false]),
        ...new Array(onlyB).fill([false, true]),
        [true, true],
      ];
      const test = mcnemar(
        rows.map(([a]) => a),
        rows.map(([, b]) => b),
      );
      expect(Math.abs(test - p)).toBeLessThan(1e-8);
    },
  );

  it.each(expected.bootstrap)(
    'the paired bootstrap is SciPy’s but for chance',
    ({ a, b, low, high, error }) => {
      const interval = bootstrapDifference(a, b, 1);
      expect(Math.abs(interval.low - low)).toBeLessThan(0.25 * error);
      expect(Math.abs(interval.high - high)).toBeLessThan(0.25 * error);
      expect(bootstrapDifference(a, b, 1)).toEqual(interval);
      expect(bootstrapDifference(a, b, 2)).not.toEqual(interval);
    },
  );

  it('compare the same rows only', () => {
    expect(() => bootstrapDifference([1], [1, 2])).toThrow(RangeError);
    expect(() => mcnemar([true], [])).toThrow(RangeError);
  });

  it('take quantiles between neighbours', () => {
    expect(quantile([0, 10, 20], 0.25)).toBe(5);
    expect(quantile([3], 0.975)).toBe(3);
  });
});

describe('means over rows', () => {
  const rows = [row({ nats: 2, labels: 2, hits: 1 }), row({ nats: 4, labels: 1, hits: 1, exact: true })];

  it('count every label token the same', () => {
    expect(lossOf(rows)).toBe(2);
    expect(perplexityOf(rows)).toBeCloseTo(Math.exp(2), 12);
    expect(tokenAccuracyOf(rows)).toBeCloseTo(2 / 3, 12);
    expect(exactOf(rows)).toBe(0.5);
  });

  it('are 0 without rows', () => {
    expect([lossOf([]), tokenAccuracyOf([]), exactOf([])]).toEqual([0, 0, 0]);
  });
});
