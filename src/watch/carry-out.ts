/** One run: the check, the repairs that a declaration asks for, and what changed since the runs before. */
import { type Clock, isSelvedgeError, type Random, uuidv7 } from '../base/base.ts'
import type { CheckOptions, Report } from '../check/check.ts'
import type { Config, Verdict } from '../invariant/invariant.ts'
import { classifyMeasure, noHistory } from './classify-measure.ts'
import { decideEpisodes } from './decide-episodes.ts'
import { type HistoryState, measureId, type RunFacts, valuesOf } from './history-state.ts'
import type { InvariantRun, LagRun, RepairRun, RunRecord, WatchEvent } from './record.ts'
import type { WebhookSetting } from './setting.ts'
import { isTold } from './webhook-message.ts'

/**
 * Is given each report as soon as it is there, before the run is recorded: the place of automatic repairs. What it
 * resolves with is kept with the run; what it throws is kept as the reason, and the watch goes on.
 */
export type OnReport = (
  report: Report,
  run: { readonly id: string; readonly config: Config },
) => Promise<readonly RepairRun[]>

/** What a run needs. */
export interface RunParts {
  readonly config: Config
  readonly clock: Clock
  readonly random: Random
  readonly check: (config: Config, options: CheckOptions) => Promise<Report>
  readonly lags: (config: Config) => Promise<readonly LagRun[]>
  readonly onReport: OnReport | undefined
  readonly onProgress: (line: string) => void
  readonly webhook: WebhookSetting | undefined
  /** By what a run knows what is due; undefined when each checks everything. */
  readonly incremental: CheckOptions['incremental']
}

/** What is to be run. */
export interface RunOrder {
  readonly id: string
  readonly invariants: readonly string[]
  readonly schedules: readonly string[]
  readonly delayMs: number
}

/** A run and, unless it failed, its report. */
export interface CarriedOut {
  readonly run: RunRecord
  readonly report: Report | undefined
}

/** An id for a run; later ones are greater. */
export function newRunId({ clock, random }: Pick<RunParts, 'clock' | 'random'>): string {
  return uuidv7(clock, random)
}

/** Runs the check of some invariants. Never rejects: a check that cannot be carried out is a run that `failed`. */
export async function carryOut(order: RunOrder, parts: RunParts, state: () => HistoryState): Promise<CarriedOut> {
  const { config, clock, check, onProgress } = parts
  const startedAt = clock.now().toISOString()
  const startedMs = clock.monotonicMs()
  let report: Report | undefined
  let error: RunRecord['error']
  try {
    const { incremental } = parts
    report = await check(config, {
      ...{ only: order.invariants, onProgress },
      ...(incremental === undefined ? {} : { incremental }),
    })
  } catch (thrown) {
    error = errorOf(thrown)
  }
  const durationMs = Math.round(clock.monotonicMs() - startedMs)
  const lags = await parts.lags(config)
  const repairs = report === undefined ? undefined : await repairsOf(report, order, parts)
  const facts: RunFacts = {
    ...{ kind: 'run', id: order.id, startedAt, endedAt: clock.now().toISOString(), durationMs },
    ...{ schedules: order.schedules, delayMs: Math.round(order.delayMs), outcome: outcomeOf(report) },
    ...(error === undefined ? {} : { error }),
    invariants: report?.invariants.map((one) => invariantRun(one, report)) ?? failedInvariants(order, state(), error),
    lags,
    ...(repairs === undefined ? {} : { repairs }),
  }
  return { run: compared(facts, report, { state: state(), webhook: parts.webhook }), report }
}

async function repairsOf(report: Report, { id }: RunOrder, parts: RunParts): Promise<readonly RepairRun[] | undefined> {
  if (parts.onReport === undefined) return undefined
  try {
    return await parts.onReport(report, { id, config: parts.config })
  } catch (thrown) {
    const { code, message } = errorOf(thrown)
    return [{ invariant: '', repaired: 0, refused: 0, because: `${code}: ${message}` }]
  }
}

/** Compares a run with the state before it; pure. */
function compared(
  facts: RunFacts,
  report: Report | undefined,
  { state, webhook }: { readonly state: HistoryState; readonly webhook: WebhookSetting | undefined },
): RunRecord {
  const { events, unseen } =
    report === undefined
      ? { events: [], unseen: openOf(facts, state) }
      : decideEpisodes(report, {
          episodes: state.episodes,
          nowMs: Date.parse(facts.endedAt),
          lastWholeMs: (name) => state.last.get(name)?.wholeStartedAtMs,
        })
  const all = [...events, ...completenessEvents(facts, state), ...measureEvents(facts, state)]
  const tell = webhook !== undefined && isTold({ kind: 'run', events: all }, webhook.on)
  return { ...facts, events: all, unseen, tell }
}

/** A check that failed looked at nothing. */
function openOf(facts: RunFacts, state: HistoryState): readonly string[] {
  const names = new Set(facts.invariants.map(({ name }) => name))
  return [...state.episodes].flatMap(([id, one]) =>
    one.closedAtMs === undefined && names.has(one.invariant) ? [id] : [],
  )
}

function completenessEvents(facts: RunFacts, state: HistoryState): readonly WatchEvent[] {
  return facts.invariants.flatMap((one): readonly WatchEvent[] => {
    const before = state.last.get(one.name)?.state ?? 'checked'
    if (before === one.state) return []
    if (one.state === 'checked') return [{ kind: 'complete', invariant: one.name, because: 'all of it was checked' }]
    return [{ kind: 'incomplete', invariant: one.name, because: one.why ?? 'no reason was given' }]
  })
}

function measureEvents(facts: RunFacts, state: HistoryState): readonly WatchEvent[] {
  return valuesOf(facts).flatMap((one): readonly WatchEvent[] => {
    const { measure, subject: invariant, value } = one
    const { change, usualMax } = classifyMeasure(measure, state.measures.get(measureId(one)) ?? noHistory, value)
    if (change === 'none' || usualMax === undefined) return []
    const about = { invariant, measure, value, usualMax }
    const because = `${unitText(measure, value)}, usually up to ${unitText(measure, usualMax)}`
    return [{ kind: change === 'raised' ? 'unusual' : 'usual', ...about, because }]
  })
}

function unitText(measure: string, value: number): string {
  if (measure === 'findings') return `${Math.floor(value)} findings`
  if (measure === 'inconclusive') return `${(value * 100).toFixed(2)} % of the rows inconclusive`
  return `a ${measure} of ${value.toFixed(1)} s`
}

function invariantRun(one: Report['invariants'][number], report: Report): InvariantRun {
  const findings: Partial<Record<Verdict, number>> = {}
  for (const { invariant, verdict } of report.findings)
    if (invariant === one.name) findings[verdict] = (findings[verdict] ?? 0) + 1
  const { name, state, why, rows, inconclusive, accepted, verified } = one
  return {
    ...{ name, state, ...(why === undefined ? {} : { why }), rows, inconclusive, accepted, findings },
    ...(verified === undefined ? {} : { verified }),
  }
}

/** What was found before stands until a check could look again. */
function failedInvariants(order: RunOrder, state: HistoryState, error: RunRecord['error']): readonly InvariantRun[] {
  const why = `the check failed: ${error?.code} ${error?.message}`
  return order.invariants.map((name) => {
    const { accepted = 0, findings = {} } = state.last.get(name) ?? {}
    return { name, state: 'incomplete', why, rows: 0, inconclusive: 0, accepted, findings }
  })
}

function outcomeOf(report: Report | undefined): RunRecord['outcome'] {
  if (report === undefined) return 'failed'
  if (report.incomplete) return 'incomplete'
  return report.findings.length === 0 ? 'clean' : 'findings'
}

function errorOf(thrown: unknown): { readonly code: string; readonly message: string } {
  if (isSelvedgeError(thrown)) return { code: thrown.code, message: thrown.message }
  return { code: 'watch/unexpected', message: thrown instanceof Error ? thrown.message : String(thrown) }
}
