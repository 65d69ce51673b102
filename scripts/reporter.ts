/**
 * Writes what `tally.ts` reads of a vitest run. Vitest's own JSON report leaves out why a hook failed, and with it why none of
 * the tests below it ran.
 */
import { writeFileSync } from 'node:fs'
import type { Reporter, SerializedError, TestModule, TestSuite } from 'vitest/node'
import type { FileResult, Report } from './tally.ts'

/** Where the report goes. */
export const reportPathName = 'SELVEDGE_TEST_REPORT'

export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], outside: readonly SerializedError[]): void {
    const report: Report = { testResults: modules.map(resultOf), outside: outside.map(({ message }) => message) }
    writeFileSync(process.env[reportPathName]!, JSON.stringify(report))
  }
}

function resultOf(module: TestModule): FileResult {
  const errors = [module, ...module.children.allSuites()].flatMap((of) => errorsOf(of))
  const assertionResults = [...module.children.allTests()].map((test) => {
    const { state, errors: failures = [] } = test.result()
    return { status: state, fullName: test.fullName, failureMessages: failures.map(({ message }) => message) }
  })
  const status = module.ok() && errors.length === 0 ? 'passed' : 'failed'
  return { name: module.relativeModuleId, status, message: errors[0] ?? '', assertionResults }
}

function errorsOf(of: TestModule | TestSuite): readonly string[] {
  return of.errors().map(({ message }) => message)
}
