/** @file A small proof with the model and a sample that ship with the page, from their files to what is said of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { scoreRows } from '../../app/evaluation/scoreRows';
import { embedTokens } from '../../app/training/initialise';
import { promptOf, tensorOf } from '../../app/training/learner';
import { carryOut, type ProofHeader, standing } from '../../tools/proof/carryOut';
import type { CellRecord } from '../../tools/proof/cells';
import { folderOf, openGround, openTask } from '../../tools/proof/ground';
import { Measuring } from '../../tools/proof/measure';
import { quickPlan } from '../../tools/proof/plan';
import { writeProof } from '../../tools/proof/report';
import { scoreTest, sharedStart, toldTest } from '../../tools/proof/score';
import { root } from '../../tools/setup/project.mjs';
import { openJournal } from '../../tools/study/journal';

const plan = quickPlan();
const data = join(root, 'public/datasets');
const folder = mkdtempSync(join(tmpdir(), 'proof-'));
afterAll(() => rmSync(folder, { recursive: true }));

const header: ProofHeader = {
  kind: 'proof',
  date: '2026-01-02',
  machine: 'a machine',
  versions: { node: process.versions.node },
  dataHash: '0123456789',
};

describe('a proof', () => {
  it('measures every cell once on the same test rows, leaves PEFT out where there is none, and says what came out', async () => {
    const file = openJournal<ProofHeader, CellRecord>(folder, 'proof-01234567.jsonl', header);
    const measuring = new Measuring(plan, { data, models: folder, python: null }, () => undefined);
    const asked: string[] = [];
    const work = {
      say: () => undefined,
      clock: () => 0,
      measure: (...given: Parameters<typeof measuring.measure>) => {
        asked.push(given[0].by);
        return measuring.measure(...given);
      },
    };
    await carryOut(plan.cells, file, 1, work);
    const { done, missing } = standing(plan.cells, file.records);
    expect(missing.map(({ by }) => by)).toEqual(['peft', 'peft', 'peft', 'peft']);
    expect(asked).toHaveLength(plan.cells.length);
    for (const { scores, cell, training, instruction } of done) {
      expect(scores.right).toMatch(/^[01]{24}$/);
      expect(scores.exact).toMatch(/^[01]{24}$/);
      expect(scores.loss).toBeGreaterThan(0);
      if (cell.by === 'auto') expect(training?.rows).toEqual({ training: 13, validation: 3 });
      if (cell.by === 'shots') expect(plan.tasks[0].instructions).toContain(instruction);
    }
    const before = asked.length;
    await carryOut(
      plan.cells.filter((cell) => cell.by !== 'peft'),
      file,
      1,
      work,
    );
    expect(asked).toHaveLength(before);
    measuring.close();

    const { tables, verdict } = writeProof({ header, plan, records: done, missing });
    expect(tables).toContain('13 rows to learn from, 3 to choose by, 24 test rows; 2 seeds');
    expect(tables).toMatch(/\| Auto \| \d+ % .*\n\| bare model \| /);
    expect(verdict).toContain('the best of two instructions on ');
    expect(verdict).toContain('| not measured | not measured |');
  });

  it('gives a contender the scores that it has with every text run whole', async () => {
    const [model] = plan.models;
    const [task] = plan.tasks;
    const ground = await openGround(model, folderOf(model, folder));
    try {
      const on = await openTask(ground, task, data, { perClass: 8, seed: 1, testRows: 24 });
      const told = await toldTest(ground, on, 'Is it good or bad?', { count: 4, seed: 1 });
      expect(sharedStart(told)).toBeGreaterThan(20);
      const ids = ground.model.tokenizer.encode('some words to begin with', { specialTokens: false });
      const start = await embedTokens(ground.engine, Int32Array.from(ids));
      const prompt = promptOf('prompt', start, ground.engine.spec.hidden);
      const { testExamples: examples, classes, classTokens } = on.data;
      for (const soft of [null, prompt]) {
        const found = await scoreTest(ground.engine, on, soft, told);
        const whole = { examples, classes, classTokens };
        const [rows] = await scoreRows(ground.engine, [{ prompt: soft, texts: told }], whole);
        const labels = rows.reduce((sum, row) => sum + row.labels, 0);
        expect(found.loss).toBeCloseTo(rows.reduce((sum, row) => sum + row.nats, 0) / labels, 3);
        for (const row of rows) {
          const place = on.test.rowNumbers.indexOf(examples[row.row].row);
          expect(found.right[place]).toBe(row.likeliest === row.targetClass ? '1' : '0');
          expect(found.exact[place]).toBe(row.exact ? '1' : '0');
        }
      }
      tensorOf(prompt).dispose();
    } finally {
      ground.engine.dispose();
    }
  });
});
