/**
 * How many tests passed, failed and were skipped, and why: read from the reports of vitest runs and added up. A report that
 * is missing, empty or contradicts the exit code is a failure: silence must never look like success.
 */

/** The sum of one or more test runs. */
export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** One line for each test that failed, and for each thing that was left out or went wrong outside a test. */
  readonly notes: readonly string[]
}

interface TestResult {
  readonly status: string
  readonly fullName: string
  readonly failureMessages?: readonly string[]
}

/** A file of tests: `message` is why it could not be loaded, or why a hook of it failed. */
export interface FileResult {
  readonly name: string
  readonly status: string
  readonly message?: string
  readonly assertionResults: readonly TestResult[]
}

/** What is known of a run: its files, and errors that belong to none of them. */
export interface Report {
  readonly testResults: readonly FileResult[]
  readonly outside?: readonly string[]
}

export const emptyTally: Tally = { passed: 0, failed: 0, skipped: 0, notes: [] }

/** A failure that is no test: a step, a missing report, a server that is required. It is named at the end as tests are. */
export function failure(note: string): Tally {
  return { ...emptyTally, failed: 1, notes: [`failed: ${note}`] }
}

export function sum(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (a, b) => ({
      passed: a.passed + b.passed,
      failed: a.failed + b.failed,
      skipped: a.skipped + b.skipped,
      notes: [...a.notes, ...b.notes],
    }),
    emptyTally,
  )
}

/** The closing line, for people and for scripts: `12 passed, 0 failed` and `, 1 skipped` where any. */
export function closingLine(tally: Tally): string {
  const skipped = tally.skipped === 0 ? '' : `, ${tally.skipped} skipped`
  return `${tally.passed} passed, ${tally.failed} failed${skipped}`
}

/** The tally of one vitest run, from the text of its JSON report (`undefined`: it wrote none) and its exit code. */
export function tallyOfVitest(name: string, reportText: string | undefined, exitCode: number): Tally {
  const report = parsed(reportText)
  if (report === undefined) return failure(`${name}: vitest wrote no report and ended with code ${exitCode}.`)
  const tests = report.testResults.flatMap((file) => file.assertionResults)
  const passed = tests.filter((test) => test.status === 'passed').length
  const failedNotes = report.testResults.flatMap((file) =>
    file.assertionResults.filter(({ status }) => status === 'failed').map((test) => failedNote(file.name, test)),
  )
  const left = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed')
  // A file that cannot be loaded, or whose hooks fail, has no failed test but hides all of its own.
  const broken = report.testResults.filter(
    ({ status, message, assertionResults }) =>
      status === 'failed' && (message || !assertionResults.some((test) => test.status === 'failed')),
  )
  const counted = sum([
    {
      ...{ passed, failed: failedNotes.length, skipped: left.length },
      notes: [...failedNotes, ...skipNotes(name, left)],
    },
    ...broken.map((file) => failure(`${file.name} could not run: ${firstLine(file.message)}`)),
  ])
  if (tests.length === 0 && counted.failed === 0) return failure(`${name}: no test was found, which proves nothing.`)
  if (exitCode !== 0 && counted.failed === 0) {
    const why = firstLine(report.outside?.[0])
    return sum([counted, failure(`${name}: every test passed but vitest ended with code ${exitCode}: ${why}`)])
  }
  return counted
}

function parsed(text: string | undefined): Report | undefined {
  if (text === undefined) return undefined
  try {
    const report = JSON.parse(text) as Partial<Report>
    return Array.isArray(report.testResults) ? (report as Report) : undefined
  } catch {
    return undefined
  }
}

/** Named at the end again, because what failed first is far above the closing line, or cut from a log that is kept short. */
function failedNote(file: string, { fullName, failureMessages }: TestResult): string {
  return `failed: ${fullName} (${file}): ${firstLine(failureMessages?.[0])}`
}

/** Tests that need something end in `(skipped: needs x)`; each need is named once, with its number of tests. */
function skipNotes(name: string, tests: readonly { readonly fullName: string }[]): string[] {
  const counts = new Map<string, number>()
  for (const { fullName } of tests) {
    const reason = /\(skipped: ([^)]*)\)$/.exec(fullName)?.[1] ?? fullName
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return [...counts].map(([reason, count]) => `skipped: ${reason} (${count} in ${name})`)
}

function firstLine(message: string | undefined): string {
  return message?.split('\n', 1)[0] || 'see its errors above.'
}
