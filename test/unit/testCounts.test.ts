/** @file The counts that end `npm test`: nothing that went wrong may look like a success. */
import { describe, expect, it } from 'vitest';
import { countPlaywright, countVitest, summary } from '../../tools/setup/testCounts.mjs';

const vitestReport = {
  numPassedTests: 7,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 1,
  testResults: [{ status: 'passed', assertionResults: [{ status: 'passed' }] }],
};
const playwrightReport = {
  stats: { expected: 3, unexpected: 0, flaky: 0, skipped: 2 },
  errors: [] as unknown[],
};

describe('countVitest', () => {
  it('takes the counts of the report', () => {
    expect(countVitest(vitestReport, 0)).toEqual({ passed: 7, failed: 0, skipped: 2, failures: [] });
  });

  it('counts a file that could not be loaded as a failure', () => {
    const testResults = [
      ...vitestReport.testResults,
      { name: 'a.test.ts', message: 'no such import', status: 'failed', assertionResults: [] },
    ];
    expect(countVitest({ ...vitestReport, testResults }, 1)).toMatchObject({
      failed: 1,
      failures: ['a.test.ts: no such import'],
    });
  });

  it('does not count a file twice for its failed test', () => {
    const testResults = [
      {
        name: 'a.test.ts',
        status: 'failed',
        assertionResults: [{ status: 'failed', fullName: 'adds' }, { status: 'passed' }],
      },
    ];
    expect(countVitest({ ...vitestReport, numFailedTests: 1, testResults }, 1)).toMatchObject({
      failed: 1,
      failures: ['a.test.ts: adds'],
    });
  });

  it('counts a bad exit code without a failed test as a failure', () => {
    expect(countVitest(vitestReport, 1)).toMatchObject({
      passed: 7,
      failed: 1,
      skipped: 2,
      failures: [expect.stringContaining('code 1')],
    });
  });

  it('counts a missing report as a failure', () => {
    expect(countVitest(null, 0)).toMatchObject({
      passed: 0,
      failed: 1,
      skipped: 0,
      failures: [expect.stringContaining('no report')],
    });
  });
});

describe('countPlaywright', () => {
  it('takes the counts of the report', () => {
    expect(countPlaywright(playwrightReport, 0)).toEqual({ passed: 3, failed: 0, skipped: 2, failures: [] });
  });

  it('counts flaky tests and errors outside tests as failures', () => {
    const report = { stats: { ...playwrightReport.stats, flaky: 1 }, errors: ['broken setup'] };
    expect(countPlaywright(report, 1).failed).toBe(2);
  });

  it('names what failed, in whichever suite it lies', () => {
    const suite = (status: string, title: string) => ({
      specs: [{ file: 'page.spec.ts', title, tests: [{ status, projectName: 'wasm' }] }],
    });
    const report = {
      stats: { ...playwrightReport.stats, unexpected: 1 },
      errors: [{ message: 'no setup' }],
      suites: [{ ...suite('expected', 'opens'), suites: [suite('unexpected', 'closes')] }],
    };
    expect(countPlaywright(report, 1).failures).toEqual(['page.spec.ts (wasm): closes', 'no setup']);
  });

  it('counts a crash as a failure', () => {
    expect(countPlaywright(null, 139).failed).toBe(1);
    expect(countPlaywright(playwrightReport, 139).failed).toBe(1);
  });
});

describe('summary', () => {
  it('adds the parts, and names skipped tests only where there are some', () => {
    const part = { passed: 2, failed: 1, skipped: 0, failures: ['a: b'] };
    expect(summary([part, part])).toMatchObject({ line: '4 passed, 2 failed', failures: ['a: b', 'a: b'] });
    expect(summary([part, { passed: 0, failed: 0, skipped: 3, failures: [] }]).line).toBe(
      '2 passed, 1 failed, 3 skipped',
    );
  });
});
