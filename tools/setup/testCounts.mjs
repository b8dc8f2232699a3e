/** @file Counts of tests from the runners' own reports. A runner that breaks counts as a failed test. */

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * @param {any} report Vitest's JSON report, null where there is none.
 * @param {number} exitCode
 * @returns {Counts}
 */
export function countVitest(report, exitCode) {
  if (!report) return broken('Vitest', exitCode);
  // A file that cannot be loaded has no tests to count, and is a failure all the same.
  const unloaded = report.testResults.filter(
    (/** @type {any} */ file) => file.status === 'failed' && !file.assertionResults.some(isFailed),
  ).length;
  return honest('Vitest', exitCode, {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded,
    skipped: report.numPendingTests + report.numTodoTests,
  });
}

/** @param {{ status: string }} test */
function isFailed(test) {
  return test.status === 'failed';
}

/**
 * @param {any} report Playwright's JSON report, null where there is none.
 * @param {number} exitCode
 * @returns {Counts}
 */
export function countPlaywright(report, exitCode) {
  if (!report) return broken('Playwright', exitCode);
  const { expected, unexpected, flaky, skipped } = report.stats;
  // Errors outside any test: a file that cannot be loaded, a broken setup. A test that passed only when repeated failed.
  return honest('Playwright', exitCode, {
    passed: expected,
    failed: unexpected + flaky + report.errors.length,
    skipped,
  });
}

/**
 * @param {string} runner
 * @param {number} exitCode
 * @param {Counts} counts
 * @returns {Counts}
 */
function honest(runner, exitCode, counts) {
  if (exitCode === 0 || counts.failed > 0) return counts;
  console.error(
    `${runner} ended with code ${exitCode} though it reports no failed test; counted as a failure.`,
  );
  return { ...counts, failed: 1 };
}

/**
 * @param {string} runner
 * @param {number} exitCode
 * @returns {Counts}
 */
function broken(runner, exitCode) {
  console.error(`${runner} ended with code ${exitCode} and left no report; counted as a failure.`);
  return { passed: 0, failed: 1, skipped: 0 };
}

/**
 * @param {Counts[]} counts
 * @returns {Counts & { line: string }}
 */
export function summary(counts) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const part of counts) {
    total.passed += part.passed;
    total.failed += part.failed;
    total.skipped += part.skipped;
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  return { ...total, line: `${total.passed} passed, ${total.failed} failed${skipped}` };
}
