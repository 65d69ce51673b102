/** Checks invariants over live databases: read-only, with a proof for whatever it finds, and naming what it could not read. */
import { type Clock, systemClock } from '../base/clock.ts'
import { refused } from '../base/error.ts'
import { type Scheduler, systemScheduler } from '../base/scheduler.ts'
import { type Config, defineConfig, type Finding, type Invariant } from '../invariant/invariant.ts'
import { mappingError, sampleOf } from './mapping.ts'
import { type Budget, paceOf } from './pace.ts'
import { messageOf, type Prepared, prepare, type Scanned } from './prepare.ts'
import { recordMetrics } from './record-metrics.ts'
import { type Outcome, type Report, reportOf } from './report.ts'
import { candidatesMax, type Scan } from './scan.ts'
import { type Settled, settle } from './settle.ts'
import { openSource } from './sources/open-source.ts'
import type { Source } from './sources/source.ts'

export { classifyIncidents, type Incident, incidentIdOf } from './classify-incidents.ts'
export type { AcceptedFinding } from './decide-accepted.ts'
export type { InvariantReport, Report } from './report.ts'

/** What may be given to a check. */
export interface CheckOptions {
  /** Measures deadlines. */
  readonly clock?: Clock
  /** Waits for them; one wait at a time. */
  readonly scheduler?: Scheduler
  /** Only the invariants of these names or problems. */
  readonly only?: readonly string[]
  /** How fast it may read: `auto` (the default) holds back while others are at work on a server. */
  readonly budget?: Budget
  /** Hears what is being done, a line each; for a terminal. */
  readonly onProgress?: (line: string) => void
}

/**
 * Checks what the configuration declares. It waits as long as the longest deadline when something differs that no
 * position explains, since such a difference is only a finding when it outlasts its deadline.
 *
 * Never rejects because of a source: an invariant that could not be read is `incomplete` in the report, with the reason.
 *
 * @throws refused `invariant/bad-config` when the configuration is wrong, and `check/unknown-invariant` when `only`
 *   names nothing.
 * @example
 * const { findings, incomplete } = await check(config)
 * for (const { key, verdict, because, explain } of findings) console.log(key, verdict, because, explain)
 */
export async function check(config: Config, options: CheckOptions = {}): Promise<Report> {
  const invariants = selected(defineConfig(config), options.only)
  const clock = options.clock ?? systemClock
  const scheduler = options.scheduler ?? systemScheduler()
  const sources = new Map<string, Source>()
  const sourceOf = (name: string): Source => {
    const known = sources.get(name) ?? openSource(name, config.sources[name]!, options.clock)
    sources.set(name, known)
    return known
  }
  try {
    const prepared: Prepared[] = []
    const pace = paceOf(options.budget ?? 'auto', clock, scheduler)
    const workshop = { sourceOf, clock, asked: new Set<Source>(), pace, ...progressOf(options) }
    // One after the other: the databases are in production and serve others.
    for (const invariant of invariants) {
      options.onProgress?.(`comparing: ${invariant.name}`)
      prepared.push(await prepare(invariant, workshop))
    }
    const scanned = prepared.filter((entry) => entry.kind === 'scanned')
    const candidates = scanned.reduce((sum, entry) => sum + entry.scan.keys.length, 0)
    if (candidates > 0) options.onProgress?.(`judging ${candidates} differing keys`)
    const judged = await judge(scanned, clock, scheduler)
    const outcomes = prepared.map((entry) =>
      entry.kind === 'scanned' ? judged.get(entry)! : unread(entry.invariant, entry.why),
    )
    const report = reportOf(config, outcomes, clock.now())
    recordMetrics(report, clock.now())
    return report
  } finally {
    await Promise.all([...sources.values()].map((source) => source.close()))
    if (options.scheduler === undefined) await scheduler.stop()
  }
}

function progressOf({ onProgress }: CheckOptions): { readonly onProgress?: (line: string) => void } {
  return onProgress === undefined ? {} : { onProgress }
}

/** Judges all candidates together; where a mapping is suspected, a sample first and the rest only when it is not to blame. */
async function judge(
  scanned: readonly Scanned[],
  clock: Clock,
  scheduler: Scheduler,
): Promise<ReadonlyMap<Scanned, Outcome>> {
  const samples = scanned.map((entry) => sampleOf(entry.comparison, entry.scan))
  const first = await settle(
    scanned.map((entry, i) => ({ judge: entry.judge, keys: samples[i]!.first })),
    clock,
    scheduler,
  )
  const mapping = scanned.map((entry, i) => mappingError(entry.comparison, entry.scan, first[i]!.findings))
  const rest = await settle(
    scanned.map((entry, i) => ({ judge: entry.judge, keys: mapping[i] === undefined ? samples[i]!.rest : [] })),
    clock,
    scheduler,
  )
  return new Map(scanned.map((entry, i) => [entry, outcomeOf(entry, [first[i]!, rest[i]!], mapping[i])]))
}

function unread(invariant: Invariant, why: string): Outcome {
  return { invariant, rows: 0, proof: 'double-read', findings: [], inconclusive: 0, incomplete: [why] }
}

function outcomeOf(entry: Scanned, settled: readonly Settled[], mapping: Finding | undefined): Outcome {
  const { comparison, scan, proof } = entry
  const incomplete = scan.rowsWithoutKey.map(
    ({ side, rows }) => `${rows} rows of ${side} have no key (NULL): name the others by \`where\``,
  )
  if (mapping !== undefined) incomplete.push('rows were not compared one by one, because of the mapping error')
  else if (scan.stopped) incomplete.push(tooMany(scan))
  for (const { failed } of settled) if (failed !== undefined) incomplete.push(messageOf(failed))
  const findings = mapping === undefined ? settled.flatMap((part) => part.findings) : [mapping]
  const inconclusive = settled.reduce((sum, part) => sum + part.inconclusive, 0)
  return {
    invariant: comparison.invariant,
    rows: scan.rows,
    proof,
    findings: [...entry.findings, ...findings],
    inconclusive,
    incomplete,
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
