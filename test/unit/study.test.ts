/** @file The study: its statistics against SciPy, what it keeps and goes on from, and the findings that it writes. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { root } from '../../tools/setup/project.mjs';
import { carryOut, type Work } from '../../tools/study/carryOut';
import { type Cell, type CellRecord, describeCell, keyOf, type Outcome } from '../../tools/study/cells';
import { BLOCKS, fillIn, writeFindings } from '../../tools/study/findings';
import { parseOptions } from '../../tools/study/options';
import { fullPlan, type Plan } from '../../tools/study/plan';
import { openStudy, readStudy, type StudyHeader } from '../../tools/study/record';
import {
  estimate,
  estimateDifference,
  ratioOfSteps,
  stepsUntil,
  studentQuantile,
} from '../../tools/study/statistics';
import { percent, points, table, times } from '../../tools/study/tables';

const expected = JSON.parse(readFileSync(join(root, 'test/fixtures/study/expected.json'), 'utf8'));

describe('the study’s statistics', () => {
  it('know Student’s quantiles as SciPy does', () => {
    for (const [degrees, quantile] of expected.quantiles) {
      expect(studentQuantile(degrees)).toBeCloseTo(quantile, 9);
    }
  });

  it('give means and paired differences SciPy’s intervals', () => {
    for (const { values, mean, low, high } of expected.means) {
      const found = estimate(values);
      expect([found.mean, found.low, found.high].map((one) => one?.toFixed(9))).toEqual(
        [mean, low, high].map((one: number) => one.toFixed(9)),
      );
    }
    for (const { a, b, mean, low, high } of expected.differences) {
      const found = estimateDifference(a, b);
      expect(found.mean).toBeCloseTo(mean, 9);
      expect(found.low).toBeCloseTo(low, 9);
      expect(found.high).toBeCloseTo(high, 9);
    }
  });

  it('know nothing of the spread of a single value, and refuse what are no pairs', () => {
    expect(estimate([3])).toEqual({ mean: 3, low: null, high: null, count: 1 });
    expect(() => estimate([])).toThrow(RangeError);
    expect(() => estimateDifference([1, 2], [1])).toThrow(RangeError);
  });

  it('find where a curve crosses a loss, between two validations', () => {
    for (const { curve, loss, step } of expected.crossings)
      expect(stepsUntil(curve, loss)).toBeCloseTo(step, 9);
    expect(stepsUntil([[0, 1]], 2)).toBe(0);
    expect(
      stepsUntil(
        [
          [0, 3],
          [5, 2.5],
        ],
        2,
      ),
    ).toBeNull();
    expect(
      stepsUntil(
        [
          [0, Number.NaN],
          [5, 1],
        ],
        2,
      ),
    ).toBe(5);
  });

  it('compare steps by their geometric mean, as NumPy and SciPy do', () => {
    for (const { reference, other, mean, low, high } of expected.ratios) {
      const pairs = reference.map((steps: number, i: number) => ({
        reference: steps,
        other: other[i],
        limit: 200,
      }));
      const found = ratioOfSteps(pairs);
      expect(found?.mean).toBeCloseTo(mean, 9);
      expect(found?.low).toBeCloseTo(low, 9);
      expect(found?.high).toBeCloseTo(high, 9);
    }
  });

  it('count a start that did not get there with all its steps, and pairs that say nothing apart', () => {
    const found = ratioOfSteps([
      { reference: 10, other: null, limit: 80 },
      { reference: null, other: 40, limit: 80 },
      { reference: null, other: null, limit: 80 },
    ]);
    expect(found).toMatchObject({ count: 2, otherMissed: 1, referenceMissed: 1, neither: 1 });
    expect(found?.mean).toBeCloseTo(Math.sqrt(8 * 0.5), 9);
    expect(ratioOfSteps([{ reference: null, other: null, limit: 80 }])).toBeNull();
  });
});

describe('the study’s tables', () => {
  it('are Markdown, with as many cells in every row', () => {
    expect(table(['a', 'b'], [['1', 'x|y']])).toBe('| a | b |\n| --- | --- |\n| 1 | x\\|y |');
    expect(() => table(['a', 'b'], [['1']])).toThrow('1 cells under 2 heads');
  });

  it('write shares, points and ratios with their intervals', () => {
    const share = { mean: 0.853, low: 0.78, high: 1.02, count: 3 };
    expect(percent(share)).toBe('85 % (78 to 100)');
    expect(percent({ ...share, low: null, high: null })).toBe('85 %');
    expect(points({ mean: 0.121, low: -0.034, high: 0.2, count: 3 })).toBe('+12 (−3 to +20)');
    expect(times({ mean: 2.13, low: 0.98, high: 113, count: 3 })).toBe('2.1 (0.98 to 113)');
  });
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'study-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const header: StudyHeader = {
  kind: 'study',
  date: '2026-01-02',
  model: 'tiny-1.5m',
  modelHash: 'abcdef0123456789',
  elementRms: 0.2,
  machine: 'a machine, 2 cores',
  versions: { node: '20.0.0' },
};
const cells = ['one', 'two', 'three'].map(
  (sample): Cell => ({ by: 'app', sample, search: 'none', steps: 10 }),
);
const plan: Plan = { seeds: [1, 2], samples: ['one', 'two', 'three'], cells };

function outcome(seed: number, exact: number, changes: Partial<Outcome> = {}): Outcome {
  return {
    seed,
    curve: [
      [0, 4],
      [5, 1],
      [10, 0.1 + (1 - exact)],
    ],
    best: { step: 10, loss: 0.1 + (1 - exact), exact },
    test: { loss: 0.2, exact },
    steps: 10,
    laneSteps: 10,
    stepSeconds: 1,
    seconds: 2,
    ...changes,
  };
}

function worker(changes: Partial<Work> = {}): Work & { trained: string[]; said: string[] } {
  const trained: string[] = [];
  const said: string[] = [];
  return {
    trained,
    said,
    hashOf: (sample) => `rows of ${sample}`,
    clock: () => 0,
    say: (text) => said.push(text),
    async train(cell, seeds) {
      trained.push(cell.sample);
      return { outcomes: seeds.map((seed) => outcome(seed, 0.5)) };
    },
    ...changes,
  };
}

describe('a study that is broken off', () => {
  it('goes on with the cells that are missing, in the same file, on another day too', async () => {
    const first = worker({ clock: clockOf([0, 0, 0, 0, 5, 50]) });
    const study = openStudy(folder, header);
    const left = await carryOut(plan, study, 10, first);
    expect(first.trained).toEqual(['one']);
    expect(first.said.at(-1)).toContain('The time is up');
    expect(left).toMatchObject({ done: [{ cell: cells[0] }], missing: [cells[1], cells[2]] });

    const second = worker();
    const again = openStudy(folder, { ...header, date: '2026-02-03' });
    expect(again.path).toBe(study.path);
    const { done, missing } = await carryOut(plan, again, 10, second);
    expect(second.trained).toEqual(['two', 'three']);
    expect(missing).toEqual([]);
    expect(done.map(({ outcomes }) => outcomes.length)).toEqual([2, 2, 2]);
    const third = worker();
    expect((await carryOut(plan, openStudy(folder, header), 10, third)).done).toEqual(done);
    expect(third.trained).toEqual([]);
  });

  it('loses no more than the cell whose line was broken off while it was written', async () => {
    const study = openStudy(folder, header);
    await carryOut({ ...plan, cells: cells.slice(0, 2) }, study, 10, worker());
    const whole = readFileSync(study.path, 'utf8');
    appendFileSync(study.path, '{"kind":"cell","key":"[');
    const next = worker();
    await carryOut(plan, openStudy(folder, header), 10, next);
    expect(next.trained).toEqual(['three']);
    expect(readFileSync(study.path, 'utf8').startsWith(whole)).toBe(true);
    expect(readStudy(study.path).records).toHaveLength(3);
  });

  it('trains anew what has other rows, other seeds or another model', async () => {
    await carryOut(plan, openStudy(folder, header), 10, worker());
    const otherRows = worker({ hashOf: (sample) => (sample === 'two' ? 'new rows' : `rows of ${sample}`) });
    await carryOut(plan, openStudy(folder, header), 10, otherRows);
    expect(otherRows.trained).toEqual(['two']);
    const otherSeeds = worker();
    await carryOut({ ...plan, seeds: [1, 3] }, openStudy(folder, header), 10, otherSeeds);
    expect(otherSeeds.trained).toEqual(['one', 'two', 'three']);
    const otherModel = worker();
    await carryOut(plan, openStudy(folder, { ...header, modelHash: '99999999aa' }), 10, otherModel);
    expect(otherModel.trained).toEqual(['one', 'two', 'three']);
  });

  it('goes without the cells that cannot be trained here', async () => {
    const work = worker();
    const { train } = work;
    work.train = async (cell, seeds) => (cell.sample === 'two' ? null : train(cell, seeds));
    const { missing } = await carryOut(plan, openStudy(folder, header), 10, work);
    expect(missing).toEqual([cells[1]]);
  });

  it('goes on after a cell that failed, says why, and tries it again the next time', async () => {
    const work = worker();
    const { train } = work;
    work.train = async (cell, seeds) => {
      if (cell.sample === 'one') throw new Error('PEFT’s Python has ended.');
      return train(cell, seeds);
    };
    const { missing, failed } = await carryOut(plan, openStudy(folder, header), 10, work);
    expect({ missing, failed }).toEqual({ missing: [cells[0]], failed: 1 });
    expect(work.said[0]).toContain('one: the app, one prompt failed: PEFT’s Python has ended.');
    const next = worker();
    await carryOut(plan, openStudy(folder, header), 10, next);
    expect(next.trained).toEqual(['one']);
  });

  it('trains only what is asked for, and knows what else there is', async () => {
    const work = worker({ wanted: (cell) => describeCell(cell).includes('two: the app') });
    const { done, missing } = await carryOut(plan, openStudy(folder, header), 10, work);
    expect(work.trained).toEqual(['two']);
    expect(done.map(({ cell }) => cell)).toEqual([cells[1]]);
    expect(missing).toEqual([cells[0], cells[2]]);
  });

  it('keeps a quick one apart', () => {
    expect(openStudy(folder, header, true).path).not.toBe(openStudy(folder, header).path);
    expect(openStudy(folder, header).path).toMatch(/2026-01-02-study-tiny-1\.5m-abcdef01\.jsonl$/);
  });
});

/** Answers one after another, then the last. */
function clockOf(times: number[]): () => number {
  let asked = 0;
  return () => times[Math.min(asked++, times.length - 1)];
}

describe('the plan', () => {
  it('has every cell once, of three samples with three seeds', () => {
    const { cells: all, seeds, samples } = fullPlan();
    const keys = all.map((cell) => keyOf(cell, 'rows', seeds));
    expect(new Set(keys).size).toBe(all.length);
    expect(seeds).toHaveLength(3);
    expect(new Set(all.map(({ sample }) => sample))).toEqual(new Set(samples));
    const listed = JSON.parse(readFileSync(join(root, 'public/datasets/index.json'), 'utf8'));
    expect(listed.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining(samples));
  });
});

/** Records of the whole plan, in which each cell's exact answers follow from a rule. */
function records(exactOf: (cell: Cell) => number): CellRecord[] {
  return fullPlan().cells.map((cell) => ({
    kind: 'cell',
    key: JSON.stringify(cell),
    cell,
    date: '2026-01-02T03:04:05Z',
    outcomes:
      cell.by === 'words'
        ? []
        : [1, 2, 3].map((seed) => outcome(seed, exactOf(cell) + 0.01 * seed, speed(cell))),
    ...(cell.by === 'words' && { words }),
    ...(cell.by === 'peft' && { versions: { peft: '0.0.1', torch: '2.0', transformers: '5.0' } }),
  }));
}

const score = { loss: 4, exact: 0.02 };
const words = {
  validation: { bare: score, told: score },
  test: { bare: score, told: { loss: 4, exact: 0.31 } },
  rows: { training: 200, validation: 100, test: 99 },
};

/** From N(0, 1) it takes three times the steps of any other start. */
function speed(cell: Cell): Partial<Outcome> {
  if (cell.by !== 'learner' || cell.until === null) return {};
  const steps = cell.start === 'normal' ? 30 : 10;
  return {
    curve: [
      [0, 4],
      [steps, 0.4],
    ],
    test: null,
  };
}

const results = (exactOf: (cell: Cell) => number) => ({
  header,
  records: records(exactOf),
  missing: [],
  seeds: [1, 2, 3],
});

describe('the findings', () => {
  it('say of the claim what the steps say', () => {
    const { starts } = writeFindings(results(() => 0.5));
    expect(starts).toContain('| 10 % of the bare model’s | 0.2·RMS | 1 (1 to 1) | 1 (1 to 1) | 3 (3 to 3) |');
    expect(starts).toContain(
      '- 0.2·RMS, PEFT’s N(0, 1): **holds**: 3 (3 to 3) times the steps of text, of 9 pairs.',
    );
    expect(starts).toContain(
      '- 0.02·RMS, sampled vocabulary: **does not hold**: 1 (1 to 1) times the steps of text',
    );
  });

  it('tell where the app is behind, and that it is nowhere behind where it is not', () => {
    const even = writeFindings(results(() => 0.5));
    expect(even.losses).toBe('Nowhere in these cells.');
    const peftWins = writeFindings(
      results((cell) => (cell.by === 'peft' && cell.recipe === 'prefix-guide' ? 0.8 : 0.5)),
    );
    expect(peftWins.losses).toContain(
      '- **desk-color: Automatic behind PEFT prefix tuning as in its guide**: −30 (−30 to −30) points.',
    );
    expect(peftWins.auto).toContain(
      '- PEFT prefix tuning as in its guide: −30 (−30 to −30), in 1 times its seconds.',
    );
  });

  it('name the best cell by the validation loss, and compare it with the default', () => {
    const best = (cell: Cell) => cell.by === 'learner' && cell.virtualTokens === 40 && cell.rate === 0.5;
    const found = writeFindings(results((cell) => (best(cell) ? 0.9 : 0.5)));
    expect(found.auto).toContain('best cell of the grid: prompt, 40 tokens, 0.5·RMS');
    expect(found.lengths).toContain(
      '| desk-color | 0.5·RMS | 40 | 92 % (90 to 94) | 0.18 | 10 | +40 (+40 to +40) |',
    );
    expect(found.ground).toContain('| desk-color | 200 · 100 · 99 | 2 % · 4 | 31 % · 4 |');
  });

  it('are written of whatever cells there are', () => {
    const all = results(() => 0.5);
    for (let count = 0; count <= all.records.length; count += 7) {
      const some = { ...all, records: all.records.slice(0, count), missing: fullPlan().cells.slice(count) };
      const blocks = Object.values(writeFindings(some)).join('\n');
      expect(blocks).not.toMatch(/NaN|undefined|Infinity|\bnull\b/);
      expect(blocks).toContain(`${count} of ${all.records.length} cells are done.`);
    }
  });

  it('have their places in docs/findings.md, and leave the rest as it is', () => {
    const text = readFileSync(join(root, 'docs/findings.md'), 'utf8');
    const blocks = Object.fromEntries(BLOCKS.map((name) => [name, `numbers of ${name}`]));
    const filled = fillIn(text, blocks);
    for (const name of BLOCKS)
      expect(filled).toContain(`<!-- numbers: ${name} -->\n\nnumbers of ${name}\n\n<!-- end -->`);
    const prose = (all: string) => all.replaceAll(/(<!-- numbers: \S+ -->)[\s\S]*?(<!-- end -->)/g, '$1$2');
    expect(prose(filled)).toBe(prose(text));
    expect(fillIn(filled, blocks)).toBe(filled);
    expect(() => fillIn(text, { ...blocks, other: '' })).toThrow('no place for other');
    expect(() => fillIn(`${text}\n<!-- numbers: more -->\n<!-- end -->`, blocks)).toThrow(
      'no numbers called “more”',
    );
  });
});

describe('the options', () => {
  it('are understood, or refused in words', () => {
    expect(parseOptions([])).toMatchObject({ quick: false, minutes: 40, peft: true, out: 'bench/results' });
    expect(parseOptions(['--no-peft', '--minutes', '5'])).toMatchObject({ peft: false, minutes: 5 });
    expect(() => parseOptions(['--minutes', 'soon'])).toThrow(
      '--minutes takes a number above 0, not “soon”.',
    );
    expect(() => parseOptions(['--quick', '--report'])).toThrow('exclude each other');
  });
});
