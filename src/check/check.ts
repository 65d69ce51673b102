/** Checks invariants over live databases: read-only, with a proof for whatever it finds, and naming what it could not read. */
import { type Clock, systemClock } from '../base/clock.ts'
import { refused } from '../base/error.ts'
import { type Scheduler, systemScheduler } from '../base/scheduler.ts'
import { type Config, defineConfig, type Invariant } from '../invariant/invariant.ts'
import { type Comparison, openComparison } from './comparison.ts'
import { doubleReadJudge, type Judge } from './judge.ts'
import { type Outcome, type Report, reportOf } from './report.ts'
import type { Scan } from './scan.ts'
import { candidatesMax } from './scan.ts'
import { settle } from './settle.ts'
import { openSource, type Source } from './sources/postgres.ts'

export type { InvariantReport, Report } from './report.ts'

/** What may be given to a check. */
export interface CheckOptions {
  /** Measures deadlines. */
  readonly clock?: Clock
  /** Waits for them. */
  readonly scheduler?: Scheduler
  /** Only the invariants of these names or problems. */
  readonly only?: readonly string[]
  /** Hears what is being done, a line each; for a terminal. */
  readonly onProgress?: (line: string) => void
}

/**
 * Checks what the configuration declares. It waits as long as the longest deadline when something differs, since a
 * difference is only a finding when it outlasts it.
 *
 * Never rejects because of a source: an invariant that could not be read is `incomplete` in the report, with the reason.
 *
 * @throws refused `invariant/bad-config` or `invariant/bad-side` when the configuration is wrong, and
 *   `check/unknown-invariant` when `only` names nothing.
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
    // One after the other: the databases are in production and serve others.
    for (const invariant of invariants) {
      options.onProgress?.(`comparing: ${invariant.name}`)
      prepared.push(await prepare(invariant, sourceOf, clock))
    }
    const waiting = prepared.filter((entry) => entry.kind === 'scanned')
    const candidates = waiting.reduce((sum, entry) => sum + entry.scan.keys.length, 0)
    if (candidates > 0)
      options.onProgress?.(`reading ${candidates} differing keys again, until their deadlines have passed`)
    const settled = await settle(
      waiting.map(({ judge, scan }) => ({ judge, keys: scan.keys })),
      clock,
      scheduler,
    )
    const outcomes = prepared.map((entry): Outcome => {
      if (entry.kind === 'unread') return unread(entry.invariant, entry.why)
      return outcomeOf(entry, settled[waiting.indexOf(entry)]!)
    })
    return reportOf(config, outcomes, clock.now())
  } finally {
    await Promise.all([...sources.values()].map((source) => source.close()))
    if (options.scheduler === undefined) await scheduler.stop()
  }
}

type Prepared =
  | { readonly kind: 'unread'; readonly invariant: Invariant; readonly why: string }
  | { readonly kind: 'scanned'; readonly comparison: Comparison; readonly scan: Scan; readonly judge: Judge }

async function prepare(invariant: Invariant, sourceOf: (name: string) => Source, clock: Clock): Promise<Prepared> {
  try {
    const comparison = await openComparison(invariant, sourceOf)
    return { kind: 'scanned', comparison, scan: await comparison.scan(), judge: doubleReadJudge(comparison, clock) }
  } catch (error) {
    return { kind: 'unread', invariant, why: messageOf(error) }
  }
}

function unread(invariant: Invariant, why: string): Outcome {
  return { invariant, rows: 0, proof: 'double-read', findings: [], inconclusive: 0, incomplete: [why] }
}

function outcomeOf(
  entry: Extract<Prepared, { kind: 'scanned' }>,
  settled: Awaited<ReturnType<typeof settle>>[number],
): Outcome {
  const { comparison, scan } = entry
  const incomplete = scan.rowsWithoutKey.map(
    ({ side, rows }) => `${rows} rows of ${side} have no key (NULL); name the others by \`where\``,
  )
  if (scan.stopped) incomplete.push(`more than ${candidatesMax} keys differ: only the first were judged`)
  if (settled.failed !== undefined) incomplete.push(messageOf(settled.failed))
  return {
    invariant: comparison.invariant,
    rows: scan.rows,
    proof: 'double-read',
    findings: settled.findings,
    inconclusive: settled.inconclusive,
    incomplete,
  }
}

function selected(config: Config, only: readonly string[] | undefined): readonly Invariant[] {
  if (only === undefined) return config.invariants
  const unknown = only.filter(
    (name) => !config.invariants.some((invariant) => invariant.name === name || invariant.problem === name),
  )
  if (unknown.length > 0)
    throw refused(
      'check/unknown-invariant',
      `No invariant or problem is named "${unknown[0]}".`,
      'Use a name from the configuration.',
      { unknown },
    )
  return config.invariants.filter(
    (invariant) => only.includes(invariant.name) || only.includes(invariant.problem ?? ''),
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
