/** @file The proof: who is ahead of whom on the same rows, what is said of it, what is kept, and the rows that are drawn. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bootstrapDifference, mcnemar, wilson } from '../../app/evaluation/intervals';
import { carryOut, estimateSeconds, type ProofHeader, standing, type Work } from '../../tools/proof/carryOut';
import { type Cell, type CellRecord, contenderOf, describeCell, keyOf } from '../../tools/proof/cells';
import { aheadOf, bestOf, type Contender, outcomeOf, shareOf } from '../../tools/proof/compare';
import { INSTRUCTIONS, withLabels } from '../../tools/proof/instructions';
import { OptionError, parseOptions } from '../../tools/proof/options';
import { fullPlan, quickPlan, STEPS, type Task } from '../../tools/proof/plan';
import { BLOCKS, writeProof } from '../../tools/proof/report';
import { drawTest, drawTraining, readTask } from '../../tools/proof/rows';
import { sharedStart } from '../../tools/proof/score';
import { root } from '../../tools/setup/project.mjs';
import { fillIn } from '../../tools/study/findings';
import { openJournal } from '../../tools/study/journal';

/** So many rows right, from the first on; `shift` moves them. */
function rights(right: number, of: number, shift = 0): string {
  return Array.from({ length: of }, (_, i) => ((i + of - shift) % of < right ? '1' : '0')).join('');
}

function record(cell: Cell, right: string, changes: Partial<CellRecord> = {}): CellRecord {
  return {
    kind: 'cell',
    cell,
    date: '2026-01-02T03:04:05Z',
    seconds: 60,
    scores: { right, exact: right.replaceAll('1', '0'), loss: 1 },
    modelHash: 'abcdef0123456789',
    ...(cell.by === 'words' && cell.instruction > 0 && { instruction: `words ${cell.instruction}` }),
    ...((cell.by === 'auto' || cell.by === 'peft') && {
      training: {
        steps: 40,
        laneSteps: 40,
        most: 40,
        best: 21,
        seconds: 200,
        stepSeconds: 180,
        rows: { training: 27, validation: 5 },
        virtualTokens: 20,
        learningRate: 0.03,
      },
    }),
    ...changes,
  };
}

const given = { model: 'smollm2-135m-instruct', task: 'sst2', testRows: 40, perClass: 16 };
const auto = (seed: number): Cell => ({
  by: 'auto',
  ...given,
  seed,
  steps: STEPS,
  search: null,
  method: 'prompt',
});
const words = (instruction: number): Cell => ({
  by: 'words',
  model: given.model,
  task: given.task,
  testRows: given.testRows,
  instruction,
});
const contender = (name: string, ...records: CellRecord[]): Contender => ({ name, records });

describe('the proof’s comparisons', () => {
  it('give one prompt’s share Wilson’s interval, and no narrower one for more seeds on the same rows', () => {
    const one = shareOf(contender('a', record(auto(1), rights(30, 40))));
    const { low, high } = wilson(30, 40);
    expect(one).toEqual({ mean: 0.75, each: [0.75], low, high });
    const three = [1, 2, 3].map((seed) => record(auto(seed), rights(30, 40, seed)));
    expect(shareOf(contender('a', ...three))).toEqual({ mean: 0.75, each: [0.75, 0.75, 0.75], low, high });
    expect(shareOf(contender('a', three[0]), 'exact').mean).toBe(0);
  });

  it('compare row by row: the page’s own bootstrap and McNemar’s test where there is one seed', () => {
    const [a, b] = [rights(35, 40), rights(22, 40, 3)];
    const ahead = aheadOf(contender('a', record(auto(1), a)), contender('b', record(words(1), b)));
    const [own, other] = [a, b].map((text) => Array.from(text, Number));
    expect(ahead?.mean).toBeCloseTo(13 / 40, 12);
    const { low, high } = bootstrapDifference(other, own);
    expect([ahead?.low, ahead?.high]).toEqual([low, high]);
    expect(ahead?.p).toEqual([mcnemar(own.map(Boolean), other.map(Boolean))]);
  });

  it('hold words against every seed, and what is trained against its own seed alone', () => {
    const own = contender('a', ...[1, 2, 3].map((seed) => record(auto(seed), rights(20 + seed, 40))));
    const told = contender('w', record(words(2), rights(20, 40)));
    expect(aheadOf(own, told)?.mean).toBeCloseTo((1 + 2 + 3) / 3 / 40, 12);
    const peft: Cell = { by: 'peft', ...given, seed: 3, steps: STEPS, recipe: 'prompt-guide' };
    const trained = contender('p', record(peft, rights(20, 40)));
    expect(aheadOf(own, trained)).toMatchObject({ mean: 3 / 40 });
    expect(aheadOf(own, trained)?.p[0]).toBeCloseTo(0.25, 12);
    const strange = contender('p', record({ ...peft, seed: 9 }, rights(20, 40)));
    expect(aheadOf(own, strange)).toBeNull();
  });

  it('do not take rows right by three seeds for three times as many rows', () => {
    const other = contender('w', record(words(1), rights(30, 40)));
    const once = aheadOf(contender('a', record(auto(1), rights(34, 40))), other);
    const thrice = aheadOf(
      contender('a', ...[1, 2, 3].map((seed) => record(auto(seed), rights(34, 40)))),
      other,
    );
    expect([thrice?.low, thrice?.high]).toEqual([once?.low, once?.high]);
  });

  it('refuse what was tested on different rows', () => {
    const [a, b] = [record(auto(1), rights(3, 40)), record(words(1), rights(3, 39))];
    expect(() => aheadOf(contender('a', a), contender('b', b))).toThrow('not tested on the same rows');
  });

  it('are sure only where interval and test both are', () => {
    expect(outcomeOf({ low: 0.01, high: 0.2, p: [0.04] })).toBe('beats');
    expect(outcomeOf({ low: -0.2, high: -0.01, p: [0.04] })).toBe('loses');
    expect(outcomeOf({ low: 0.01, high: 0.2, p: [0.06] })).toBe('open');
    expect(outcomeOf({ low: 0, high: 0.2, p: [0.01] })).toBe('open');
    expect(outcomeOf({ low: 0.01, high: 0.2, p: [0.9, 0.01, 0.03] })).toBe('beats');
    expect(outcomeOf({ low: 0.01, high: 0.2, p: [0.9, 0.01, 0.06] })).toBe('open');
  });

  it('take of equally right words those with the lower loss', () => {
    const first = contender('1', record(words(1), rights(20, 40)));
    const second = contender(
      '2',
      record(words(2), rights(20, 40, 5), { scores: { right: rights(20, 40, 5), exact: '', loss: 0.5 } }),
    );
    const third = contender('3', record(words(3), rights(19, 40)));
    expect(bestOf([first, second, third])?.name).toBe('2');
    expect(bestOf([])).toBeNull();
  });
});

describe('the plan', () => {
  it('has every cell once, with ten instructions a task, the most telling first', () => {
    const plan = fullPlan({ further: true });
    expect(new Set(plan.cells.map(keyOf)).size).toBe(plan.cells.length);
    for (const task of plan.tasks) expect(new Set(task.instructions).size).toBe(10);
    const core = fullPlan().cells;
    expect(plan.cells.slice(0, core.length)).toEqual(core);
    expect(core[0]).toMatchObject({ by: 'words', model: 'smollm2-135m-instruct', task: 'sst2' });
    const firstTrained = core.flatMap((cell) => (cell.by === 'auto' ? [describeCell(cell)] : []));
    expect(firstTrained.slice(0, 2)).toEqual([
      'smollm2-135m-instruct, sst2, 16 a class, seed 1: Auto',
      'smollm2-135m-instruct, banking77-10, 16 a class, seed 1: Auto',
    ]);
    const places = plan.cells.flatMap((cell) =>
      cell.by === 'auto' ? [`${cell.model} ${cell.task} ${cell.perClass}`] : [],
    );
    expect(new Set(places).size).toBe(8);
  });

  it('gives everything that is trained in a place the same steps', () => {
    const steps = (options: Parameters<typeof fullPlan>[0]) =>
      new Set(fullPlan(options).cells.flatMap((cell) => ('steps' in cell ? [cell.steps] : [])));
    expect(steps({})).toEqual(new Set([STEPS]));
    expect(steps({ steps: null, further: true })).toEqual(new Set([null]));
  });

  it('puts the labels where an instruction names them', () => {
    expect(withLabels('One of {labels}.', [' a', 'b'])).toBe('One of a, b.');
    const named = INSTRUCTIONS.banking.filter((text) => text.includes('{labels}'));
    expect(named.length).toBeGreaterThan(0);
    expect(INSTRUCTIONS.banking.length - named.length).toBeGreaterThan(0);
  });
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'proof-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const header: ProofHeader = {
  kind: 'proof',
  date: '2026-01-02',
  machine: 'a machine, 2 cores',
  versions: { node: '20.0.0' },
  dataHash: '0123456789abcdef',
};
const open = () => openJournal<ProofHeader, CellRecord>(folder, 'proof-01234567.jsonl', header);

function worker(changes: Partial<Work> = {}): Work & { asked: string[]; said: string[] } {
  const asked: string[] = [];
  const said: string[] = [];
  return {
    asked,
    said,
    clock: () => 0,
    say: (text) => said.push(text),
    async measure(cell) {
      asked.push(contenderOf(cell));
      return { scores: { right: '1101', exact: '0000', loss: 1 }, modelHash: 'abc' };
    },
    ...changes,
  };
}

describe('a proof that is broken off', () => {
  const cells = [words(0), words(1), auto(1)];

  it('goes on with the cells that are missing', async () => {
    const times = [0, 0, 0, 0, 20, 20, 20, 20];
    const first = worker({ clock: () => times.shift() ?? 20 });
    await carryOut(cells, open(), 10, first);
    expect(first.asked).toEqual(['bare model']);
    expect(first.said.at(-1)).toContain('The time is up');
    const second = worker();
    const again = open();
    await carryOut(cells, again, 10, second);
    expect(second.asked).toEqual(['instruction 1', 'Auto']);
    expect(second.said.at(-1)).toContain('75 % right, in 0 s; nothing left');
    expect(standing(cells, open().records)).toMatchObject({ missing: [], done: [{}, {}, {}] });
  });

  it('goes without what cannot be done here, and says so', async () => {
    const work = worker();
    const { measure } = work;
    work.measure = async (cell, done) => (cell.by === 'words' ? null : measure(cell, done));
    await carryOut(cells, open(), 10, work);
    expect(work.said.filter((line) => line.includes('left out'))).toHaveLength(2);
    expect(standing(cells, open().records).missing).toEqual([cells[0], cells[1]]);
  });

  it('expects of a cell what the most alike took', () => {
    const took = (cell: Cell, seconds: number) => record(cell, '1', { seconds });
    const other: Cell = { ...words(0), model: 'gemma-3-270m' };
    const done = [took(words(0), 10), took(words(1), 20), took(other, 60)];
    expect(estimateSeconds(words(2), done)).toBe(15);
    expect(estimateSeconds({ ...words(2), model: 'gemma-3-270m' }, done)).toBe(60);
    expect(estimateSeconds({ ...words(2), task: 'banking77', model: 'gemma-3-270m' }, done)).toBe(60);
    expect(estimateSeconds(auto(1), done)).toBeNull();
  });
});

describe('the rows', () => {
  const task: Task = {
    id: 'tiny',
    title: 'Tiny',
    train: 'train.csv',
    test: 'test.csv',
    input: 'text',
    target: 'category',
    labels: 2,
    testRows: 4,
    instructions: ['Say it.'],
    source: 'nowhere',
  };
  const csv = (name: string, lines: string[]) =>
    writeFileSync(
      join(folder, name),
      `id,text,category\n${lines.map((line, i) => `${i},${line}`).join('\n')}\n`,
    );
  const rows = (label: string, from: number, count: number) =>
    Array.from({ length: count }, (_, i) => `text ${from + i} of ${label},${label}`);

  it('are so many a class, drawn by the seed, and none of the test’s', async () => {
    csv('train.csv', [...rows('b', 0, 9), ...rows('a', 0, 9), ...rows('c', 0, 9), 'text 3 of a,a']);
    csv('test.csv', [...rows('a', 0, 3), ...rows('b', 20, 5), ...rows('c', 20, 5)]);
    const read = await readTask(folder, task);
    expect(read.classes).toEqual(['a', 'b']);
    const test = drawTest(read, 6);
    expect(test.rows).toHaveLength(6);
    expect(drawTest(read, 4).rows).toEqual(test.rows.slice(0, 4));
    const drawn = [1, 2].map((seed) => drawTraining(read, 5, seed));
    for (const { rows: chosen, columns } of drawn) {
      expect(columns).toEqual(['text', 'category']);
      expect(chosen.map(([, target]) => target)).toEqual([...'aaaaabbbbb']);
      expect(new Set(chosen.map(([input]) => input)).size).toBe(10);
      const tested = new Set(read.test.rows.map(([input]) => input));
      expect(chosen.some(([input]) => tested.has(input))).toBe(false);
    }
    expect(drawn[0].rows).not.toEqual(drawn[1].rows);
    expect(drawTraining(read, 5, 1)).toEqual(drawn[0]);
    expect(() => drawTraining(read, 7, 1)).toThrow('“a” has 6 rows in train.csv; 7 were expected.');
  });

  it('that are not there are asked for in words', async () => {
    await expect(readTask(folder, task)).rejects.toThrow(
      'train.csv is not there. A CSV with the columns text and category was expected: nowhere.',
    );
    mkdirSync(join(folder, 'other'));
    csv('test.csv', rows('a', 0, 2));
    writeFileSync(join(folder, 'train.csv'), 'sentence,label\na,b\n');
    await expect(readTask(folder, task)).rejects.toThrow(
      'has the columns sentence, label; text and category were expected.',
    );
  });

  it('share what all of them begin with, but for a token of their own', () => {
    const text = (ids: number[], labels = 1) => ({
      tokenIds: Int32Array.from(ids),
      isLabel: Uint8Array.from(ids, (_, i) => (i >= ids.length - labels ? 1 : 0)),
      cut: 0,
      row: 1,
    });
    expect(sharedStart([text([1, 2, 3, 9]), text([1, 2, 4, 5, 9])])).toBe(2);
    expect(sharedStart([text([1, 2, 3, 9]), text([1, 2, 3, 5, 9])])).toBe(2);
    expect(sharedStart([text([1, 9]), text([1, 9])])).toBe(0);
    expect(sharedStart([text([7, 2, 9]), text([8, 2, 9])])).toBe(0);
    expect(sharedStart([])).toBe(0);
  });
});

/** Records of a whole plan; how many of 40 rows each contender has right follows from a rule. */
function results(rightOf: (cell: Cell) => number) {
  const plan = fullPlan({ further: true });
  return {
    header,
    plan,
    records: plan.cells.map((cell) => record(cell, rights(rightOf(cell), 40))),
    missing: [] as Cell[],
  };
}

describe('what is said', () => {
  const even = (cell: Cell) => (cell.by === 'words' ? 20 + cell.instruction : 34);

  it('names where Auto beats words and PEFT, where it loses, and where the rows do not tell', () => {
    const { verdict } = writeProof(
      results((cell) => {
        if (cell.by === 'peft' && cell.recipe === 'prefix-guide')
          return cell.model.startsWith('gemma') ? 39 : 10;
        if (cell.by === 'shots') return 33;
        return cell.by === 'words' ? 20 : 30;
      }),
    );
    expect(verdict).toContain(
      '**Auto, untouched but for its steps, beats the best of ten instructions on 8 of 8, the best instruction with examples in context on 0 of 8, PEFT prompt tuning on 0 of 8 and PEFT prefix tuning on 4 of 8 and loses to it on 4 of the models and tasks measured.**',
    );
    expect(verdict).toContain(
      '| Auto on | against the best of ten instructions | against the best instruction with examples in context | against PEFT prompt tuning | against PEFT prefix tuning |',
    );
    expect(verdict).toContain(
      '| SmolLM2-135M-Instruct on SST-2, 16 rows a class | **beats it**: +25 (+13 to +38) | cannot be told from it: −7 (−17 to 0) | cannot be told from it: 0 (0 to 0) | **beats it**: +50 (+35 to +65) |',
    );
    expect(verdict).toMatch(/\| Gemma 3 270M on SST-2, 16 rows a class .* \| \*\*loses to it\*\*: −22 \(/);
  });

  it('lists the best instruction by the test rows, and every instruction', () => {
    const { tables, instructions } = writeProof(results(even));
    expect(tables).toContain('| best instruction: instruction 10 | 75 % (60 to 86) | 0 % | 1 | +10 (');
    expect(tables).toContain(
      '| Auto | 85 % (71 to 93); 85 %, 85 %, 85 % | 0 % | 1 | – | – | 40 · 21 | 200 |',
    );
    expect(tables).toContain('27 rows to learn from, 5 to choose by, 40 test rows; 3 seeds');
    expect(instructions).toContain('| SmolLM2-135M-Instruct, SST-2 | 3 | words 3 | 57 % (42 to 71) |');
  });

  it('takes nobody for the best of ten before all ten were tested', () => {
    const all = results(even);
    const records = all.records.filter(({ cell }) => cell.by !== 'words' || cell.instruction !== 4);
    const missing = all.plan.cells.filter((cell) => cell.by === 'words' && cell.instruction === 4);
    const { verdict, missing: left } = writeProof({ ...all, records, missing });
    expect(verdict).toContain('| SmolLM2-135M-Instruct on SST-2, 16 rows a class | not measured |');
    expect(verdict).not.toContain('beats the best of ten');
    expect(verdict).toContain('beats the best instruction with examples in context on');
    expect(left).toContain('- smollm2-135m-instruct, sst2: instruction 4.');
  });

  it('tells how far PEFT’s own loss is from the one of its file', () => {
    const all = results(even);
    const [first] = all.records.filter(({ cell }) => cell.by === 'peft');
    if (first.training) first.training.agreement = { theirs: 2, ours: 2.001 };
    expect(writeProof(all).agreement).toContain('Of 1 prompts that PEFT trained and saved');
    expect(writeProof(all).agreement).toContain('0.05 % at most');
  });

  it('is written of whatever cells there are', () => {
    const all = results(even);
    for (let count = 0; count <= all.records.length; count += 9) {
      const some = { ...all, records: all.records.slice(0, count), missing: all.plan.cells.slice(count) };
      const text = Object.values(writeProof(some)).join('\n');
      expect(text).not.toMatch(/NaN|undefined|Infinity|\bnull\b/);
      expect(text).toContain(`${count} of ${all.records.length} cells are done`);
    }
    expect(writeProof({ ...all, records: [], missing: all.plan.cells }).verdict).toContain(
      'Not measured yet',
    );
  });

  it('has its places in docs/proof.md, and leaves the rest as it is', () => {
    const text = readFileSync(join(root, 'docs/proof.md'), 'utf8');
    const blocks = Object.fromEntries(BLOCKS.map((name) => [name, `numbers of ${name}`]));
    const filled = fillIn(text, blocks);
    for (const name of BLOCKS) expect(filled).toContain(`numbers of ${name}`);
    const prose = (whole: string) =>
      whole.replaceAll(/(<!-- numbers: \S+ -->)[\s\S]*?(<!-- end -->)/g, '$1$2');
    expect(prose(filled)).toBe(prose(text));
  });
});

describe('the options', () => {
  it('are understood, or refused in words', () => {
    expect(parseOptions(['--data', 'd', '--only', 'a', '--only', 'b'])).toMatchObject({
      data: 'd',
      only: ['a', 'b'],
      steps: STEPS,
      minutes: 180,
      peft: true,
      out: 'bench/results',
    });
    expect(parseOptions(['--data', 'd', '--steps', 'suggested', '--no-peft'])).toMatchObject({
      steps: null,
      peft: false,
    });
    expect(parseOptions(['--quick']).data).toBeNull();
    expect(() => parseOptions([])).toThrow('--data is missing');
    expect(() => parseOptions(['--data', 'd', '--steps', '1.5'])).toThrow('“suggested”, not “1.5”');
    expect(() => parseOptions(['--data', 'd', '--minutes', 'soon'])).toThrow('not “soon”');
    expect(() => parseOptions(['--quick', '--report'])).toThrow('exclude each other');
    expect(() => parseOptions(['--nonsense'])).toThrow(OptionError);
  });

  it('of a quick one need no data and no other model', () => {
    const { models, cells } = quickPlan();
    expect(models.map((one) => one.folder)).toEqual([null]);
    expect(new Set(cells.map(({ by }) => by))).toEqual(new Set(['words', 'auto', 'peft', 'shots']));
  });
});
