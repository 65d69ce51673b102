/** Counts what checks say of each cause. What they must say comes from the causes, and never from a check. */
import type { Report } from '../../src/check/check.ts'
import type { Proof, Verdict } from '../../src/invariant/invariant.ts'
import type { Said } from './cause.ts'
import type { Expectations } from './stage.ts'

/** How often each thing was said of a cause; causes stand in the order in which they were first counted. */
export type Counts = Map<string, { readonly expected: Said; readonly said: Map<Said, number> }>

/** The counts of all checks of one sort, and what was said of that nobody did anything to. */
export class Matrix {
  readonly counts: Counts = new Map()
  readonly unexpected: string[] = []
  /** Cases of which something else was said than must be, with its sentence. */
  readonly wrong: string[] = []
  readonly #proof: Proof

  constructor(proof: Proof) {
    this.#proof = proof
  }

  add(title: string, expected: Said, said: Said, times = 1): void {
    const row = this.counts.get(title) ?? { expected, said: new Map<Said, number>() }
    this.counts.set(title, row)
    row.said.set(said, (row.said.get(said) ?? 0) + times)
  }

  /** Counts what a report says of every place; `others` are findings that must be there beside them. */
  count(report: Report, expectations: Expectations, others: readonly Verdict[] = []): void {
    const left = new Map(report.findings.map((finding) => [`${finding.invariant} ${finding.key}`, finding]))
    if (left.size < report.findings.length) this.unexpected.push('a key has two findings')
    for (const [place, { title, said: expected }] of expectations) {
      const finding = left.get(place)
      left.delete(place)
      this.add(title, expected, finding?.verdict ?? 'nothing')
      if ((finding?.verdict ?? 'nothing') !== expected)
        this.wrong.push(
          `${title}, ${place}: ${finding === undefined ? 'nothing' : `${finding.verdict}: ${finding.because}`}`,
        )
      if (finding !== undefined && finding.proof !== this.#proof)
        this.unexpected.push(`${place} is proved by ${finding.proof}`)
    }
    const named = [...others]
    for (const [place, { key, verdict, because }] of left) {
      const known = named.indexOf(verdict)
      if (key === '' && known >= 0) named.splice(known, 1)
      else this.unexpected.push(`${place}: ${verdict}: ${because}`)
    }
    this.unexpected.push(...named.map((verdict) => `${verdict} was not found`))
    const open = report.invariants.filter(({ state, inconclusive }) => state !== 'checked' || inconclusive > 0)
    this.unexpected.push(...open.map(({ name }) => `${name} was not checked to the end`))
  }
}

/** What must be said without a log: that something differs, and never why. */
export function withoutCauses(expectations: Expectations): Expectations {
  return new Map(
    [...expectations].map(([place, one]) => [place, { ...one, said: one.said === 'nothing' ? 'nothing' : 'diverged' }]),
  )
}
