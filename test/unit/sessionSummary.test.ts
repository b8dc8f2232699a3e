/** @file A run's numbers in words, and as the columns of its chart. */
import { describe, expect, it, vi } from 'vitest';
import { webGpuHelp } from '../../app/session/browserHelp';
import { curve, lastOf } from '../../app/session/curve';
import { toStudioError } from '../../app/session/errors';
import { bytes, duration, figures, percent, short } from '../../app/session/format';
import { reduceAll } from '../../app/session/reduce';
import { referenceLines } from '../../app/session/referenceLines';
import { initialState, type RunSlice } from '../../app/session/state';
import {
  curveDescription,
  pace,
  runSummary,
  smooth,
  smoothingWeight,
  statusLine,
  timeLeft,
} from '../../app/session/summary';
import type { RunSettings, StepRecord, ValidationRecord, WordsRecord } from '../../app/workers/protocol';

const step = (number: number, loss: number): StepRecord => ({
  lane: 0,
  step: number,
  loss,
  gradientNorm: 1,
  learningRate: 0.1,
  tokens: 100,
  milliseconds: 50,
});
const pass = (number: number, loss: number, accuracy: number | null, best: boolean): ValidationRecord => ({
  lane: 0,
  error: 0.1,
  step: number,
  loss,
  accuracy,
  tokenAccuracy: 0.9,
  exact: 0.75,
  rows: 10,
  best,
});
const run = (steps: StepRecord[], validations: ValidationRecord[] = [], total = 40): RunSlice => {
  const state = reduceAll(
    initialState,
    [
      {
        type: 'runStarted',
        runId: 'a',
        settings: { steps: total, validateEvery: 10 } as RunSettings,
        history: { steps, validations },
        state: { phase: 'training', step: steps.length, steps: total, bestStep: 0, leader: 0, lanes: [] },
      },
    ],
    0,
  );
  if (!state.run) throw new Error('no run');
  return state.run;
};

describe('words of a run', () => {
  it('gives step and loss in the form that is relied upon', () => {
    expect(statusLine(run([step(1, 2.3456)]))).toBe('step 1 / 40 · loss 2.35');
    expect(statusLine(run([]))).toBe('step 0 / 40');
  });

  it('describes the curve with its last values', () => {
    const words = curveDescription(run([step(1, 3), step(2, 1)], [pass(2, 0.9, 0.85, true)]));
    expect(words).toContain('Step 2 of 40');
    expect(words).toContain('training loss 1.00');
    expect(words).toContain('validation at step 2: loss 0.900, accuracy 85 %');
    expect(words).toContain('best at step 2');
    expect(curveDescription(null)).toBe('No steps yet.');
  });

  it('sums up the best pass, not the last one', () => {
    const validations = [pass(0, 2, 0.5, true), pass(20, 0.2, 0.95, true), pass(40, 0.3, 0.9, false)];
    expect(runSummary(run([step(1, 3)], validations))).toBe(
      'Best at step 20: validation loss 0.200, accuracy 95 %. It was 50 % at step 0.',
    );
  });

  it('speaks of exact answers where there are no classes', () => {
    expect(runSummary(run([step(1, 3)], [pass(1, 1, null, true)]))).toContain('75 % answered exactly');
  });
});

describe('speed', () => {
  it('leaves the first step out, which compiles', () => {
    const first = { ...step(1, 1), milliseconds: 5000 };
    expect(pace([first])).toBeNull();
    expect(pace([first, step(2, 1), step(3, 1)])).toEqual({ stepsPerSecond: 20, tokensPerSecond: 2000 });
  });

  it('counts the validation passes to come in the time left', () => {
    const steps = Array.from({ length: 20 }, (_, i) => step(i + 1, 1));
    const idle = run(steps);
    expect(timeLeft(idle)).toBeCloseTo(1000);
    const slow = { ...run(steps, [pass(10, 1, 1, true)]), clock: { ...idle.clock, validating: 300 } };
    expect(timeLeft(slow)).toBeCloseTo(1600);
  });
});

describe('the curve', () => {
  it('merges steps and passes into rows of equal length, a pass before the first step included', () => {
    const columns = curve([step(1, 3), step(2, 2)], [pass(0, 4, 0.5, true), pass(2, 1, 0.9, true)], 40);
    expect(columns.step).toEqual([0, 1, 2]);
    expect(columns.loss).toEqual([null, 3, 2]);
    expect(columns.validation).toEqual([4, null, 1]);
    expect(columns.accuracy).toEqual([0.5, null, 0.9]);
    expect(lastOf(columns.validation)).toBe(1);
  });

  it('leaves a gap where a loss is not a number', () => {
    const columns = curve([step(1, 3), step(2, Number.NaN), step(3, 1)], [], 40);
    expect(columns.loss).toEqual([3, null, 1]);
    expect(columns.smoothed[2]).toBeGreaterThan(1);
    expect(columns.smoothed[2]).toBeLessThan(3);
  });

  it('smooths a constant to itself and starts at the first value', () => {
    for (const value of smooth([2, 2, 2, 2], 0.9)) expect(value).toBeCloseTo(2);
    expect(smooth([5, 0], 0.9)[0]).toBeCloseTo(5);
  });
});

describe('smoothing', () => {
  it('reaches over a twentieth of the run, but never under 3 or over 20 steps', () => {
    expect(smoothingWeight(200)).toBeCloseTo(0.9);
    expect(smoothingWeight(10)).toBeCloseTo(2 / 3);
    expect(smoothingWeight(100_000)).toBeCloseTo(0.95);
  });
});

describe('numbers in words', () => {
  it.each([
    [bytes(999), '999 bytes'],
    [bytes(5_200_000), '5.2 MB'],
    [short(2_600_000), '2.6 M'],
    [short(38.4), '38'],
    [figures(0.04567), '0.0457'],
    [figures(0.000001), '1.0e-6'],
    [figures(Number.NaN), 'not a number'],
    [percent(0.97), '97 %'],
    [percent(0.975), '97.5 %'],
    [duration(812), '0.8 s'],
    [duration(185_000), '3 min 05 s'],
    [duration(7_800_000), '2 h 10 min'],
  ])('%s', (found, expected) => {
    expect(found).toBe(expected);
  });
});

describe('errors', () => {
  it('keeps the words of a StudioError, and has words of its own for anything else', () => {
    const error = { kind: 'data', message: 'Row 3 is ragged.', hint: 'Mend it.' } as const;
    expect(toStudioError(error, 'model')).toBe(error);
    const told = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const fault = new TypeError("Cannot read properties of undefined (reading 'x')");
    expect(toStudioError(fault, 'model')).toEqual({
      kind: 'model',
      message: 'The page met an error that it did not expect.',
      hint: expect.stringContaining('reload the page'),
    });
    expect(told).toHaveBeenCalledWith(fault);
    told.mockRestore();
  });
});

describe('help with WebGPU', () => {
  const help = (userAgent: string, secure = true, hasWebGpu = false) =>
    webGpuHelp({ userAgent, secure, hasWebGpu });
  const linuxChrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36';

  it.each([
    [linuxChrome, 'Chrome', 'chrome://flags/#enable-unsafe-webgpu'],
    [`${linuxChrome} Edg/140.0.0.0`, 'Edge', 'edge://flags/#enable-vulkan'],
    [
      'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
      'Firefox',
      'dom.webgpu.enabled',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/18.0 Safari/605',
      'Safari',
      'Safari 26',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605 CriOS/140 Mobile Safari/604',
      'Chrome',
      'iOS 26',
    ],
  ])('knows the way in %s', (userAgent, browser, words) => {
    expect(help(userAgent).browser).toBe(browser);
    expect(help(userAgent).steps.join(' ')).toContain(words);
  });

  it('speaks of https first where the address is in the way', () => {
    expect(help(linuxChrome, false).steps[0]).toContain('https');
  });
});

describe('what words alone reach', () => {
  const told = (name: string, loss: number): WordsRecord => ({
    name,
    instruction: name === 'bare' ? '' : 'Sort it.',
    loss,
    accuracy: 0.5,
    exact: 0.25,
    rows: 10,
  });
  const words = [told('bare', 4.2), told('instruction 1', 2.5), told('instruction 2', 1.5)];

  it('is a line for the bare model, and one for the instruction with the lowest loss', () => {
    expect(referenceLines(words, [])).toEqual([
      { kind: 'bare', name: 'bare model', loss: 4.2, passedAt: null },
      { kind: 'words', name: 'your instruction 2', loss: 1.5, passedAt: null },
    ]);
    expect(referenceLines(words.slice(0, 2), []).map(({ name }) => name)).toEqual([
      'bare model',
      'your instruction',
    ]);
    expect(referenceLines(words.slice(0, 1), []).map(({ kind }) => kind)).toEqual(['bare']);
    expect(referenceLines(null, [pass(10, 1, 0.5, true)])).toEqual([]);
  });

  it('is passed by the first validation below it', () => {
    const validations = [pass(10, 3, 0.5, true), pass(20, 1.5, 0.5, true), pass(30, 1.2, 0.5, true)];
    expect(referenceLines(words, validations).map(({ passedAt }) => passedAt)).toEqual([10, 30]);
  });

  it('stands on the chart from step 0 on, before there are steps', () => {
    expect(curve([], [], 40, true)).toMatchObject({ step: [0], loss: [null], validation: [null] });
    const columns = curve([step(1, 2), step(2, 1)], [pass(0, 3, 0.5, true), pass(2, 1, 0.5, true)], 40, true);
    expect(columns.step).toEqual([0, 1, 2]);
    expect(columns.validation).toEqual([3, null, 1]);
    expect(columns.loss).toEqual([null, 2, 1]);
  });

  it('is said in the chart’s description', () => {
    const lines = referenceLines(words, [pass(10, 3, 0.5, true)]);
    expect(curveDescription(run([]), lines)).toBe(
      'No steps yet; bare model: validation loss 4.20, passed at step 10; your instruction 2: validation loss 1.50.',
    );
    expect(curveDescription(run([step(1, 2)]), lines)).toMatch(
      /^Step 1 of 40; .*your instruction 2: validation loss 1.50\.$/,
    );
  });
});
