import { DefaultReporter } from "vitest/node";
import type { SerializedError, TestCase, TestModule, TestRunEndReason } from "vitest/node";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly TestCase[];
}

function count(modules: readonly TestModule[], strayErrors: number): Counts {
  let passed = 0;
  let failed = strayErrors;
  const skipped: TestCase[] = [];
  for (const module of modules) {
    let failedHere = 0;
    for (const test of module.children.allTests()) {
      const state = test.result().state;
      if (state === "passed") passed += 1;
      else if (state === "skipped") skipped.push(test);
      // A test that is still pending when the run is over did not pass: the run was interrupted.
      else failedHere += 1;
    }
    // A file that broke outside its tests (a bad import, a hook) is a failure even when no test of it ran.
    if (failedHere === 0 && !module.ok()) failedHere = 1;
    failed += failedHere;
  }
  return { passed, failed, skipped };
}

/** A group that is skipped as a whole has no note: it tells its reason in its name. */
function reasonOf(test: TestCase): string {
  const result = test.result();
  const note = result.state === "skipped" ? result.note : undefined;
  return note ?? /\(skipped: ([^)]+)\)/.exec(test.fullName)?.[1] ?? "no reason given";
}

/** Vitest's own report, then every skipped test with its reason, then `N passed, N failed, N skipped` alone on a line. */
export default class SummaryReporter extends DefaultReporter {
  override onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    super.onTestRunEnd(modules, errors, reason);
    const { passed, failed, skipped } = count(modules, errors.length);
    for (const test of skipped) {
      console.log(`skipped: ${test.module.relativeModuleId} > ${test.fullName}: ${reasonOf(test)}`);
    }
    const failedStages = process.env["UNDERSTUDY_FAILED_STAGES"] ?? "";
    if (failedStages !== "") console.log(`failed before the tests, see above: ${failedStages}`);
    console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  }
}
