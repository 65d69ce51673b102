/** What a check reports. It is plain data, sorted, and the same for the same data. */
import { type Baseline, byInvariantAndKey, type Config, type Finding, type Invariant } from '../invariant/invariant.ts'
import { classifyIncidents, type Incident } from './classify-incidents.ts'
import { type AcceptedFinding, decideAccepted } from './decide-accepted.ts'
import type { Verified } from './verified/slices.ts'

/** How far one invariant was checked. */
export interface InvariantReport {
  readonly name: string
  readonly problem?: string
  /** `incomplete` when something of it could not be checked; then `why` says what, and `help` what to do about it. */
  readonly state: 'checked' | 'incomplete'
  readonly why?: string
  readonly help?: string
  /** Rows of its largest side. */
  readonly rows: number
  /** What decides about a difference: the log's positions, or two reads with the deadline between. */
  readonly proof: 'positions' | 'double-read'
  /** Keys that kept changing, so that nothing can be said of them: no finding. */
  readonly inconclusive: number
  readonly findings: number
  /** Findings that the baseline accepts. */
  readonly accepted: number
  /** Of an incremental check: how far everything is verified, whether in this run or before. */
  readonly verified?: {
    /** Into how many parts it is cut. */
    readonly parts: number
    /** Parts that were found to hold on all sides, and of which nothing was found since. */
    readonly verified: number
    /** When the part that was verified first was, as ISO 8601; absent while any part is not. */
    readonly oldest?: string
  }
}

/** What `check` resolves with. */
export interface Report {
  /** Sorted by invariant and key; those that the baseline accepts are not among them. */
  readonly findings: readonly Finding[]
  /** The findings by cause, the largest incident first; each finding is in exactly one. */
  readonly incidents: readonly Incident[]
  readonly accepted: readonly AcceptedFinding[]
  /** Entries of the baseline that have had their day. */
  readonly baseline: {
    /** Past their day, while what they accepted is still there: it is among the findings again. */
    readonly expired: readonly Baseline[]
    /** Of invariants that were checked as a whole, and matching nothing: they can be taken out. */
    readonly stale: readonly Baseline[]
  }
  /** In the order of the configuration. */
  readonly invariants: readonly InvariantReport[]
  /** True when any invariant is: then "no findings" must not be read as "all is well". */
  readonly incomplete: boolean
}

/** Something that could not be checked, in a sentence, and what to do about it where that is known. */
export interface Unchecked {
  readonly why: string
  readonly help?: string
}

/** How one invariant came out. */
export interface Outcome {
  readonly invariant: Invariant
  readonly rows: number
  readonly proof: 'positions' | 'double-read'
  readonly findings: readonly Finding[]
  readonly inconclusive: number
  readonly incomplete: readonly Unchecked[]
  /** Of an incremental check. */
  readonly verified?: Verified
}

/** Puts the outcomes together; `now` decides which entries of the baseline still hold. */
export function reportOf(config: Config, outcomes: readonly Outcome[], now: Date): Report {
  const judged = outcomes.map((outcome) => judgedOf(config, outcome, now))
  const all = <T>(of: (one: Judged) => readonly T[]): T[] => judged.flatMap(of)
  const findings = all((one) => one.findings).sort(byInvariantAndKey)
  const invariants = judged.map((one) => one.report)
  return {
    findings,
    incidents: classifyIncidents(findings),
    accepted: all((one) => one.accepted).sort(byInvariantAndKey),
    baseline: { expired: all((one) => one.expired), stale: all((one) => one.stale) },
    invariants,
    incomplete: invariants.some((entry) => entry.state === 'incomplete'),
  }
}

/** One invariant with what the baseline makes of its findings. */
export interface Judged {
  readonly report: InvariantReport
  readonly findings: readonly Finding[]
  readonly accepted: readonly AcceptedFinding[]
  readonly expired: readonly Baseline[]
  readonly stale: readonly Baseline[]
}

/** Judges the findings of one invariant by the baseline. */
export function judgedOf(config: Config, outcome: Outcome, now: Date): Judged {
  const { name, problem } = outcome.invariant
  const isWhole = outcome.incomplete.length === 0
  const acceptance = decideAccepted({
    findings: [...outcome.findings].sort(byInvariantAndKey),
    baseline: (config.baseline ?? []).filter((entry) => entry.invariant === name),
    today: now.toISOString().slice(0, 'yyyy-mm-dd'.length),
    // A key that kept changing may be the accepted one.
    isFullyChecked: () => isWhole && outcome.inconclusive === 0,
  })
  const report: InvariantReport = {
    name,
    ...(problem === undefined ? {} : { problem }),
    state: isWhole ? 'checked' : 'incomplete',
    ...(isWhole ? {} : together(outcome.incomplete)),
    rows: outcome.rows,
    proof: outcome.proof,
    inconclusive: outcome.inconclusive,
    findings: acceptance.findings.length,
    accepted: acceptance.accepted.length,
    ...(outcome.verified === undefined ? {} : { verified: verifiedText(outcome.verified) }),
  }
  return { report, ...acceptance }
}

function verifiedText({ slices: parts, verified, oldestMs }: Verified): NonNullable<InvariantReport['verified']> {
  return { parts, verified, ...(oldestMs === undefined ? {} : { oldest: new Date(oldestMs).toISOString() }) }
}

/** One reason for people; several that have one way out say it once. */
function together(unchecked: readonly Unchecked[]): Unchecked {
  const help = [...new Set(unchecked.flatMap((one) => one.help ?? []))].join(' ')
  return { why: unchecked.map(({ why }) => why).join('; '), ...(help === '' ? {} : { help }) }
}
