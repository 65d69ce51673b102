/** What a check reports. It is plain data, sorted, and the same for the same data. */
import { byInvariantAndKey, type Config, type Finding, type Invariant } from '../invariant/invariant.ts'

/** How far one invariant was checked. */
export interface InvariantReport {
  readonly name: string
  readonly problem?: string
  /** `incomplete` when something of it could not be checked; then `why` says what. */
  readonly state: 'checked' | 'incomplete'
  readonly why?: string
  /** Rows of its largest side. */
  readonly rows: number
  /** What decides about a difference: the log's positions, or two reads with the deadline between. */
  readonly proof: 'positions' | 'double-read'
  /** Keys that kept changing, so that nothing can be said of them: no finding. */
  readonly inconclusive: number
  readonly findings: number
  /** Findings that the baseline accepts. */
  readonly accepted: number
}

/** What `check` resolves with. */
export interface Report {
  /** Sorted by invariant and key; those that the baseline accepts are not among them. */
  readonly findings: readonly Finding[]
  readonly accepted: readonly Finding[]
  /** In the order of the configuration. */
  readonly invariants: readonly InvariantReport[]
  /** True when any invariant is: then "no findings" must not be read as "all is well". */
  readonly incomplete: boolean
}

/** How one invariant came out. */
export interface Outcome {
  readonly invariant: Invariant
  readonly rows: number
  readonly proof: 'positions' | 'double-read'
  readonly findings: readonly Finding[]
  readonly inconclusive: number
  /** What could not be checked, a sentence each. */
  readonly incomplete: readonly string[]
}

/** Puts the outcomes together; `now` decides which entries of the baseline still hold. */
export function reportOf(config: Config, outcomes: readonly Outcome[], now: Date): Report {
  const today = now.toISOString().slice(0, 10)
  const baseline = (config.baseline ?? []).filter((entry) => entry.until >= today)
  const isAccepted = (finding: Finding) =>
    baseline.some((entry) => entry.invariant === finding.invariant && entry.key === finding.key)
  const all = outcomes.flatMap((outcome) => outcome.findings).sort(byInvariantAndKey)
  const invariants = outcomes.map((outcome): InvariantReport => {
    const { name, problem } = outcome.invariant
    const accepted = outcome.findings.filter(isAccepted).length
    return {
      name,
      ...(problem === undefined ? {} : { problem }),
      state: outcome.incomplete.length === 0 ? 'checked' : 'incomplete',
      ...(outcome.incomplete.length === 0 ? {} : { why: outcome.incomplete.join('; ') }),
      rows: outcome.rows,
      proof: outcome.proof,
      inconclusive: outcome.inconclusive,
      findings: outcome.findings.length - accepted,
      accepted,
    }
  })
  return {
    findings: all.filter((finding) => !isAccepted(finding)),
    accepted: all.filter(isAccepted),
    invariants,
    incomplete: invariants.some((entry) => entry.state === 'incomplete'),
  }
}
