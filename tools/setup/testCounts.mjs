/** @file Counts of tests from the runners' own reports. A runner that breaks counts as a failed test. */

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {string[]} failures What failed, a line each: the file and the test's name.
 */

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
  );
  const failures = report.testResults.flatMap((/** @type {any} */ file) =>
    file.assertionResults.filter(isFailed).map((/** @type {any} */ test) => `${file.name}: ${test.fullName}`),
  );
  return honest('Vitest', exitCode, {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
    failures: [
      ...failures,
      ...unloaded.map((/** @type {any} */ file) => `${file.name}: ${file.message || 'could not be loaded'}`),
    ],
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
    failures: [
      ...(report.suites ?? []).flatMap(failedSpecs),
      ...report.errors.map((/** @type {any} */ error) => error.message ?? String(error)),
    ],
  });
}

/**
 * @param {any} suite A suite of Playwright's report, with the suites inside it.
 * @returns {string[]}
 */
function failedSpecs(suite) {
  return [
    ...(suite.specs ?? []).flatMap((/** @type {any} */ spec) =>
      spec.tests
        .filter((/** @type {any} */ test) => test.status === 'unexpected' || test.status === 'flaky')
        .map((/** @type {any} */ test) => `${spec.file} (${test.projectName}): ${spec.title}`),
    ),
    ...(suite.suites ?? []).flatMap(failedSpecs),
  ];
}

/**
 * @param {string} runner
 * @param {number} exitCode
 * @param {Counts} counts
 * @returns {Counts}
 */
function honest(runner, exitCode, counts) {
  if (exitCode === 0 || counts.failed > 0) return counts;
  const failure = `${runner} ended with code ${exitCode} though it reports no failed test; counted as a failure.`;
  return { ...counts, failed: 1, failures: [failure] };
}

/**
 * @param {string} runner
 * @param {number} exitCode
 * @returns {Counts}
 */
function broken(runner, exitCode) {
  const failure = `${runner} ended with code ${exitCode} and left no report; counted as a failure.`;
  return { passed: 0, failed: 1, skipped: 0, failures: [failure] };
}

/**
 * @param {Counts[]} counts
 * @returns {Counts & { line: string }}
 */
export function summary(counts) {
  /** @type {Counts} */
  const total = { passed: 0, failed: 0, skipped: 0, failures: [] };
  for (const part of counts) {
    total.passed += part.passed;
    total.failed += part.failed;
    total.skipped += part.skipped;
    total.failures.push(...part.failures);
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  return { ...total, line: `${total.passed} passed, ${total.failed} failed${skipped}` };
}
