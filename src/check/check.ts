/** Checks invariants over live databases: read-only, with a proof for whatever it finds, and naming what it could not read. */
import { type Clock, systemClock } from '../base/clock.ts'
import { thousands } from '../base/counted.ts'
import { type Duration, formatDuration, hours } from '../base/duration.ts'
import { refused } from '../base/error.ts'
import { type Scheduler, systemScheduler } from '../base/scheduler.ts'
import { type Config, defineConfig, type Finding, type Invariant } from '../invariant/invariant.ts'
import { mappingError, sampleOf } from './mapping.ts'
import { type Budget, paceOf } from './pace.ts'
import { type Incremental, type Prepared, prepare, type Scanned, uncheckedBy } from './prepare.ts'
import { recordDuration, recordMetrics } from './record-metrics.ts'
import { type Judged, judgedOf, type Outcome, type Report, reportOf, type Unchecked } from './report.ts'
import { candidatesMax, type Scan } from './scan.ts'
import { type Settled, settle } from './settle.ts'
import { openSource } from './sources/open-source.ts'
import type { Source } from './sources/source.ts'
import { fingerprintOf, Ledger } from './verified/ledger.ts'

export { classifyIncidents, type Incident, incidentIdOf } from './classify-incidents.ts'
export type { AcceptedFinding } from './decide-accepted.ts'
export type { Budget } from './pace.ts'
export { type PlannedCheck, planCheck } from './plan-check.ts'
export type { InvariantReport, Judged, Report } from './report.ts'

/** What may be given to a check. */
export interface CheckOptions {
  /** Measures deadlines. */
  readonly clock?: Clock
  /** Waits for them; one wait at a time. */
  readonly scheduler?: Scheduler
  /** Only the invariants of these names or problems. */
  readonly only?: readonly string[]
  /**
   * Only keys that had an event in the last so many seconds, where the owner's log tells them; all others are checked whole.
   * Writes without an event are not seen so: check everything now and then.
   */
  readonly touchedSeconds?: number
  /**
   * Only what is due, by what this folder says was verified and when: the keys with an event since the last run, where a
   * log tells them; what was never verified; what was found before; and the parts that have to be verified again so that
   * everything is, `within` a time (a day by default). A run that was broken off is gone on with. The report says how old
   * the oldest verification is.
   */
  readonly incremental?: { readonly folder: string; readonly within?: Duration }
  /**
   * First ask of each invariant only whether anything differs: 1.05 s instead of 1.14 for a million rows that agree, and
   * a scan more where something does not.
   */
  readonly isQuick?: boolean
  /** How fast it may read: `auto` (the default) holds back while others are at work on a server. */
  readonly budget?: Budget
  /** Hears what is being done, a line each; for a terminal. */
  readonly onProgress?: (line: string) => void
  /** Hears of each invariant as soon as it is judged; the report has them in the order of the configuration. */
  readonly onJudged?: (judged: Judged) => void
}

/**
 * Checks what the configuration declares. It waits as long as the longest deadline when something differs that no
 * position explains, since such a difference is only a finding when it outlasts its deadline.
 *
 * Never rejects because of a source: an invariant that could not be read is `incomplete` in the report, with the reason.
 *
 * @throws refused `invariant/bad-config` when the configuration is wrong, `check/unknown-invariant` when `only` names
 *   nothing, and `check/verified-locked` or `check/verified-unusable` for the folder of an incremental check.
 * @example
 * const { findings, incomplete } = await check(config)
 * for (const { key, verdict, because, explain } of findings) console.log(key, verdict, because, explain)
 */
export async function check(config: Config, options: CheckOptions = {}): Promise<Report> {
  const invariants = selected(defineConfig(config), options.only)
  const clock = options.clock ?? systemClock
  const scheduler = options.scheduler ?? systemScheduler()
  const pace = paceOf(options.budget ?? 'auto', clock, scheduler)
  const ledger = options.incremental && Ledger.open(options.incremental.folder, clock)
  const sources = new Map<string, Source>()
  const sourceOf = (name: string): Source => {
    const known = sources.get(name)
    if (known !== undefined) return known
    const source = openSource(name, config.sources[name]!, options.clock)
    sources.set(name, source)
    // What others do is told from two looks: the first is due before anything is scanned. It never rejects.
    if (pace.isAuto) void source.isBusy()
    return source
  }
  const startedMs = clock.monotonicMs()
  const tell = (outcome: Outcome) => {
    recordDuration(outcome.invariant.name, clock.monotonicMs() - startedMs)
    options.onJudged?.(judgedOf(config, outcome, clock.now()))
  }
  try {
    const prepared: Prepared[] = []
    const workshop = {
      ...{ sourceOf, clock, asked: new Set<Source>(), pace },
      ...touchedOf(options),
      ...(options.isQuick === undefined ? {} : { isQuick: options.isQuick }),
      ...(ledger === undefined ? {} : { incremental: incrementalOf(config, options, ledger) }),
      ...progressOf(options),
    }
    // One after the other: the databases are in production and serve others.
    for (const [i, invariant] of invariants.entries()) {
      options.onProgress?.(`comparing ${i + 1} of ${invariants.length}: ${invariant.name}`)
      const entry = await prepare(invariant, workshop)
      prepared.push(entry)
      if (entry.kind !== 'scanned') tell(unread(entry.invariant, entry.unchecked))
    }
    const scanned = prepared.filter((entry) => entry.kind === 'scanned')
    const candidates = scanned.reduce((sum, entry) => sum + entry.scan.keys.length, 0)
    if (candidates > 0) options.onProgress?.(waitingText(candidates, scanned))
    const judged = await judge(scanned, { clock, scheduler, tell })
    const outcomes = prepared.map((entry) =>
      entry.kind === 'scanned' ? judged.get(entry)! : unread(entry.invariant, entry.unchecked),
    )
    const report = reportOf(config, outcomes, clock.now())
    recordMetrics(report, clock.now())
    return report
  } finally {
    ledger?.close()
    await Promise.all([...sources.values()].map((source) => source.close()))
    if (options.scheduler === undefined) await scheduler.stop()
  }
}

function touchedOf({ touchedSeconds }: CheckOptions): { readonly touchedSeconds?: number } {
  return touchedSeconds === undefined ? {} : { touchedSeconds }
}

/** Everything is verified again within a day: a rogue write is then a day old at most. */
const withinDefault = hours(24)

function incrementalOf(config: Config, { incremental }: CheckOptions, ledger: Ledger): Incremental {
  const { milliseconds: withinMs } = incremental?.within ?? withinDefault
  return { ledger, withinMs, fingerprintOf: (invariant) => fingerprintOf(invariant, config) }
}

function progressOf({ onProgress }: CheckOptions): { readonly onProgress?: (line: string) => void } {
  return onProgress === undefined ? {} : { onProgress }
}

/** Judges all candidates together; where a mapping is suspected, a sample first and the rest only when it is not to blame. */
async function judge(
  scanned: readonly Scanned[],
  around: { readonly clock: Clock; readonly scheduler: Scheduler; readonly tell: (outcome: Outcome) => void },
): Promise<ReadonlyMap<Scanned, Outcome>> {
  const { clock, scheduler, tell } = around
  const samples = scanned.map((entry) => sampleOf(entry.comparison, entry.scan))
  const outcomes = new Map<Scanned, Outcome>()
  const judged = (i: number, settled: readonly Settled[]) => {
    const entry = scanned[i]!
    const findings = settled[0]?.findings ?? []
    const outcome = outcomeOf(entry, settled, mappingError(entry.comparison, entry.scan, findings))
    outcomes.set(entry, outcome)
    tell(outcome)
  }
  const first = await settle(
    scanned.map((entry, i) => ({ judge: entry.judge, keys: samples[i]!.first })),
    clock,
    scheduler,
    (i, settled) => {
      if (samples[i]!.rest.length === 0) judged(i, [settled])
    },
  )
  const open = scanned.flatMap((entry, i) => (outcomes.has(entry) ? [] : [i]))
  const isMapped = (i: number) =>
    mappingError(scanned[i]!.comparison, scanned[i]!.scan, first[i]!.findings) !== undefined
  await settle(
    open.map((i) => ({ judge: scanned[i]!.judge, keys: isMapped(i) ? [] : samples[i]!.rest })),
    clock,
    scheduler,
    (n, settled) => judged(open[n]!, [first[open[n]!]!, settled]),
  )
  return outcomes
}

/** What is being waited for, and how long at most. */
function waitingText(candidates: number, scanned: readonly Scanned[]): string {
  const waiting = scanned.filter((entry) => entry.scan.keys.length > 0)
  const longestMs = Math.max(...waiting.map(({ comparison }) => comparison.invariant.deadline.milliseconds))
  const keys = `${thousands(candidates)} differing ${candidates === 1 ? 'key' : 'keys'}`
  return `judging ${keys}; some may be late: up to ${formatDuration({ milliseconds: longestMs })}`
}

function unread(invariant: Invariant, unchecked: Unchecked): Outcome {
  return { invariant, rows: 0, proof: 'double-read', findings: [], inconclusive: 0, incomplete: [unchecked] }
}

function outcomeOf(entry: Scanned, settled: readonly Settled[], mapping: Finding | undefined): Outcome {
  const { comparison, scan, proof } = entry
  const incomplete: Unchecked[] = scan.rowsWithoutKey.map(({ side, rows }) => ({
    why: `${rows} rows of ${side} have no key (NULL): name the others by \`where\``,
  }))
  if (mapping !== undefined) incomplete.push({ why: 'rows were not compared one by one, because of the mapping error' })
  else if (scan.stopped) incomplete.push({ why: tooMany(scan) })
  for (const { failed } of settled) if (failed !== undefined) incomplete.push(uncheckedBy(failed))
  const findings = mapping === undefined ? settled.flatMap((part) => part.findings) : [mapping]
  const inconclusive = settled.reduce((sum, part) => sum + part.inconclusive, 0)
  const isClear = mapping === undefined && inconclusive === 0 && incomplete.length === 0
  entry.due?.settled(isClear ? findings.map(({ key }) => key) : undefined)
  return {
    invariant: comparison.invariant,
    rows: scan.rows,
    proof,
    findings: [...entry.findings, ...findings],
    inconclusive,
    incomplete,
    ...(entry.due === undefined ? {} : { verified: entry.due.verified() }),
  }
}

function tooMany({ differsAbout }: Scan): string {
  const about = differsAbout === undefined ? '' : `, about ${differsAbout} in all`
  return `more than ${candidatesMax} keys differ${about}: only the first were judged`
}

function selected(config: Config, only: readonly string[] | undefined): readonly Invariant[] {
  if (only === undefined) return config.invariants
  const unknown = only.filter(
    (name) => !config.invariants.some((invariant) => invariant.name === name || invariant.problem === name),
  )
  if (unknown.length > 0) {
    const help = 'Use a name from the configuration.'
    throw refused('check/unknown-invariant', `No invariant or problem is named "${unknown[0]}".`, help, { unknown })
  }
  return config.invariants.filter(
    (invariant) => only.includes(invariant.name) || only.includes(invariant.problem ?? ''),
  )
}
