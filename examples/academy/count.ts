/** Counts inconsistencies at one moment: what the truth says, what `selvedge check` says, and how they differ as sets. */
import type { Report } from 'selvedge/check'
import { type ProblemName, problemNames, type TruthKey } from './truth.ts'

/** The numbers of one problem in one variant. */
export interface ProblemCount {
  readonly inconsistencies: number
  /** The same count right after the last action, with all faults on and messages still held. */
  readonly atBound: number
  /** Inconsistencies that the check found, did not find, and found where there are none. */
  readonly found: number
  readonly missed: number
  readonly invented: number
  /** `invariant: key`, sorted. */
  readonly keys: readonly string[]
}

export type Truths = Readonly<Record<ProblemName, readonly TruthKey[]>>

/** How a key is written. */
export const keyLine = ({ invariant, key }: TruthKey): string => `${invariant}: ${key}`

/** The findings of a report by problem, each key once. */
export function findingsOf(report: Report): Readonly<Record<ProblemName, ReadonlySet<string>>> {
  const lines = (problem: ProblemName) => report.findings.filter((finding) => finding.problem === problem).map(keyLine)
  return Object.fromEntries(problemNames.map((problem) => [problem, new Set(lines(problem))])) as Record<
    ProblemName,
    Set<string>
  >
}

/**
 * Holds a check against the truth, problem by problem.
 *
 * @throws Error when the check could not read everything: nothing may be concluded from it then.
 */
export function countProblems(
  truths: Truths,
  report: Report,
  atBound: Truths,
): Readonly<Record<ProblemName, ProblemCount>> {
  assertComplete(report)
  const findings = findingsOf(report)
  const count = (problem: ProblemName): ProblemCount => {
    const keys = truths[problem].map(keyLine)
    const isTrue = new Set(keys)
    const found = keys.filter((key) => findings[problem].has(key)).length
    return {
      inconsistencies: keys.length,
      atBound: atBound[problem].length,
      found,
      missed: keys.length - found,
      invented: [...findings[problem]].filter((key) => !isTrue.has(key)).length,
      keys,
    }
  }
  return Object.fromEntries(problemNames.map((problem) => [problem, count(problem)])) as Record<
    ProblemName,
    ProblemCount
  >
}

/** Verdicts that say of themselves that a change waits visibly: true as soon as the sides differ, however short that is. */
const visiblyWaiting: ReadonlySet<string> = new Set(['parked', 'schema-skew'])

/** What was true while a check ran: after the bound (`settled`), and regardless of it when the check began and ended (`waiting`). */
export interface TrueMeanwhile {
  readonly settled: Truths
  readonly waiting: readonly Truths[]
}

/** How many findings of a report name what was not true. */
export function inventedIn(truths: TrueMeanwhile, report: Report): number {
  assertReadable(report)
  const lines = (of: readonly Truths[]) =>
    new Set(of.flatMap((truth) => problemNames.flatMap((problem) => truth[problem].map(keyLine))))
  const [settled, waiting] = [lines([truths.settled]), lines(truths.waiting)]
  return report.findings.filter(
    (finding) => !(visiblyWaiting.has(finding.verdict) ? waiting : settled).has(keyLine(finding)),
  ).length
}

/** @throws Error naming the first invariant that could not be read. */
function assertReadable(report: Report): void {
  const first = report.invariants.find((invariant) => invariant.state === 'incomplete')
  if (first) throw new Error(`"${first.name}" could not be checked: ${first.why}`)
}

/** @throws Error naming the first invariant that could not be checked, or has keys of which nothing could be said. */
export function assertComplete(report: Report): void {
  assertReadable(report)
  const doubtful = report.invariants.find((invariant) => invariant.inconclusive > 0)
  if (doubtful) throw new Error(`"${doubtful.name}" has ${doubtful.inconclusive} keys of which nothing could be said.`)
}
