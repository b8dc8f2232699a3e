/** @file A small study on the embedded model: its learners are the app's, and nothing is trained twice. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainApp } from '../../tools/study/app';
import { carryOut } from '../../tools/study/carryOut';
import type { Cell, LearnerCell } from '../../tools/study/cells';
import { writeFindings } from '../../tools/study/findings';
import { type Ground, openGround, sampleOf, scoreWords } from '../../tools/study/ground';
import { trainLearners } from '../../tools/study/learners';
import { quickPlan } from '../../tools/study/plan';
import { openStudy } from '../../tools/study/record';

const plan = quickPlan();
const cells = plan.cells.filter(({ by }) => by !== 'peft');
const folder = mkdtempSync(join(tmpdir(), 'study-'));
let ground: Ground;

beforeAll(async () => {
  ground = await openGround(plan.samples);
});
afterAll(() => {
  ground.engine.dispose();
  rmSync(folder, { recursive: true });
});

async function train(cell: Cell, seeds: readonly number[]) {
  if (cell.by === 'words') return { outcomes: [], words: await scoreWords(ground, cell.sample) };
  if (cell.by === 'app') return { outcomes: await trainApp(ground, cell, seeds) };
  if (cell.by === 'learner') return { outcomes: await trainLearners(ground, cell, seeds) };
  return null;
}

function study() {
  return openStudy(folder, {
    kind: 'study',
    date: '2026-01-02',
    model: 'studio-2.6m',
    modelHash: ground.model.identity.embeddingHash,
    elementRms: ground.measures.elementRms,
    machine: 'a machine',
    versions: { node: process.versions.node },
  });
}

describe('a study', () => {
  it('trains every cell once, and writes findings of what came out', async () => {
    const asked: Cell[] = [];
    const work = {
      hashOf: (sample: string) => sampleOf(ground, sample).data.report.hash,
      say: () => undefined,
      clock: () => 0,
      train: (cell: Cell, seeds: readonly number[]) => {
        asked.push(cell);
        return train(cell, seeds);
      },
    };
    const { done, missing } = await carryOut({ ...plan, cells }, study(), 1, work);
    expect(missing).toEqual([]);
    expect(asked).toEqual(cells);
    const again = await carryOut({ ...plan, cells }, study(), 1, work);
    expect(asked).toHaveLength(cells.length);
    expect(again.done).toEqual(done);

    const bare = done[0].words?.validation.bare.loss;
    const trained = done.flatMap(({ cell, outcomes }) => outcomes.map((outcome) => ({ cell, outcome })));
    for (const { cell, outcome } of trained) {
      // A task that this model learns within a few steps.
      expect(outcome.best.loss).toBeLessThan(bare as number);
      expect(outcome.steps).toBeGreaterThan(0);
      expect(outcome.test === null).toBe(cell.by === 'learner' && cell.until !== null);
    }
    const { auto } = writeFindings({ header: study().header, records: done, missing: [], seeds: plan.seeds });
    expect(auto).toContain(`| ${plan.samples[0]} | the app’s default, one prompt |`);
  });

  it('gives a seed the numbers that it has alone', async () => {
    const [cell] = cells.filter((one): one is LearnerCell => one.by === 'learner' && one.start === 'normal');
    const together = await trainLearners(ground, cell, [1, 2]);
    const [alone] = await trainLearners(ground, cell, [2]);
    expect(together[0].curve).not.toEqual(together[1].curve);
    together[1].curve.forEach(([step, loss], i) => {
      expect(alone.curve[i][0]).toBe(step);
      expect(alone.curve[i][1]).toBeCloseTo(loss, 4);
    });
  });
});
