/** What is known from the history: a fold over its records. It is the same after a restart as before. */

import { classifyMeasure, type MeasureHistory, noHistory } from './classify-measure.ts'
import { decideEpisodesAfter, type Episodes } from './decide-episodes.ts'
import {
  type AlertRecord,
  type Episode,
  episodeId,
  type InvariantRun,
  type Measure,
  type RepairRun,
  type RunRecord,
} from './record.ts'

/** The last run of an invariant. */
export interface LastRun extends InvariantRun {
  readonly runId: string
  readonly startedAtMs: number
  readonly endedAtMs: number
  readonly outcome: RunRecord['outcome']
  /** When its last whole check began and ended. */
  readonly wholeStartedAtMs?: number
  readonly wholeEndedAtMs?: number
  /** What was last repaired of it without a person, or refused. */
  readonly repair?: LastRepair
}

/** An automatic repair with the end of its run. */
export interface LastRepair extends RepairRun {
  readonly atMs: number
}

/** Everything that the watcher knows. */
export interface HistoryState {
  readonly last: ReadonlyMap<string, LastRun>
  readonly episodes: Episodes
  /** By `measureId`. */
  readonly measures: ReadonlyMap<string, MeasureHistory>
  /** Invariants that are silent. */
  readonly silent: ReadonlySet<string>
  /** Runs and alerts whose news the webhook's receiver does not have yet, oldest first. */
  readonly untold: readonly (RunRecord | AlertRecord)[]
  /** Messages given up since the receiver last took one. */
  readonly missed: number
  /** The run that began and has not ended. */
  readonly begun: string | undefined
}

/** A line of the history. */
export type HistoryRecord =
  | RunRecord
  | AlertRecord
  | { readonly kind: 'begun'; readonly id: string; readonly at: string }
  | { readonly kind: 'told'; readonly id: string; readonly outcome: 'sent' | 'dropped' }
  | StateRecord

/** The state as a line. */
export interface StateRecord {
  readonly kind: 'state'
  readonly format: 'selvedge/history@1'
  readonly last: readonly LastRun[]
  readonly episodes: readonly Episode[]
  readonly measures: readonly (readonly [id: string, history: MeasureHistory])[]
  readonly silent: readonly string[]
  readonly untold: readonly (RunRecord | AlertRecord)[]
  readonly missed: number
}

/** Messages that wait for a receiver that is down: beyond it the oldest are given up, and the receiver is told how many. */
export const untoldMax = 1_000

/** Nothing happened yet. */
export const emptyState: HistoryState = {
  last: new Map(),
  episodes: new Map(),
  measures: new Map(),
  silent: new Set(),
  untold: [],
  missed: 0,
  begun: undefined,
}

/** The state after one more record. */
export function stateAfter(state: HistoryState, record: HistoryRecord): HistoryState {
  switch (record.kind) {
    case 'state':
      return stateOf(record)
    case 'begun':
      return { ...state, begun: record.id }
    case 'told':
      return {
        ...state,
        untold: state.untold.filter(({ id }) => id !== record.id),
        missed: record.outcome === 'sent' ? 0 : state.missed + 1,
      }
    case 'alert':
      return { ...state, ...waiting(state, record), silent: silentAfter(state.silent, record) }
    case 'run':
      return {
        ...waiting(state, record),
        last: lastAfter(state.last, record),
        episodes: decideEpisodesAfter(state.episodes, record),
        measures: measuresAfter(state.measures, record),
        silent: state.silent,
        begun: undefined,
      }
  }
}

/** The state as one line, with which a segment begins. */
export function recordOfState(state: HistoryState): StateRecord {
  return {
    kind: 'state',
    format: 'selvedge/history@1',
    last: [...state.last.values()],
    episodes: [...state.episodes.values()],
    measures: [...state.measures],
    silent: [...state.silent],
    untold: state.untold,
    missed: state.missed,
  }
}

function stateOf(record: StateRecord): HistoryState {
  return {
    last: new Map(record.last.map((one) => [one.name, one])),
    episodes: new Map(record.episodes.map((one) => [episodeId(one), one])),
    measures: new Map(record.measures),
    silent: new Set(record.silent),
    untold: record.untold,
    missed: record.missed,
    begun: undefined,
  }
}

function waiting(
  { untold, missed }: HistoryState,
  record: RunRecord | AlertRecord,
): Pick<HistoryState, 'untold' | 'missed'> {
  if (!record.tell) return { untold, missed }
  const over = Math.max(0, untold.length + 1 - untoldMax)
  return { untold: [...untold, record].slice(over), missed: missed + over }
}

function silentAfter(silent: ReadonlySet<string>, { events }: AlertRecord): ReadonlySet<string> {
  const after = new Set(silent)
  for (const { kind, invariant } of events) {
    if (kind === 'silent') after.add(invariant)
    if (kind === 'heard') after.delete(invariant)
  }
  return after
}

function lastAfter(last: HistoryState['last'], run: RunRecord): HistoryState['last'] {
  const after = new Map(last)
  const [startedAtMs, endedAtMs] = [Date.parse(run.startedAt), Date.parse(run.endedAt)]
  for (const invariant of run.invariants) {
    const { wholeStartedAtMs, wholeEndedAtMs, repair: before } = after.get(invariant.name) ?? {}
    const own = run.repairs?.find((repair) => repair.invariant === invariant.name)
    const repair = own === undefined ? before : { ...own, atMs: endedAtMs }
    const isWhole = invariant.state === 'checked'
    after.set(invariant.name, {
      ...invariant,
      ...{ runId: run.id, startedAtMs, endedAtMs, outcome: run.outcome },
      ...(isWhole
        ? {
            wholeStartedAtMs: wholeSince(invariant, { startedAtMs, beforeMs: wholeStartedAtMs }),
            wholeEndedAtMs: endedAtMs,
          }
        : wholeStartedAtMs === undefined || wholeEndedAtMs === undefined
          ? {}
          : { wholeStartedAtMs, wholeEndedAtMs }),
      ...(repair === undefined ? {} : { repair }),
    })
  }
  return after
}

/**
 * Since when all of an invariant is known. A run that looks at what is due goes by what was verified before, and that may
 * have changed since; while something is found not all is verified, and what was known before is all that is known.
 */
function wholeSince(
  { verified }: InvariantRun,
  { startedAtMs, beforeMs }: { readonly startedAtMs: number; readonly beforeMs: number | undefined },
): number {
  if (verified === undefined) return startedAtMs
  return verified.oldest === undefined ? (beforeMs ?? startedAtMs) : Math.min(startedAtMs, Date.parse(verified.oldest))
}

/** A run before it is compared with those before it. */
export type RunFacts = Omit<RunRecord, 'events' | 'unseen' | 'tell'>

/** One measured value of a run. */
export interface MeasuredValue {
  readonly measure: Measure
  /** The invariant, the schedules of the run, or the consumer. */
  readonly subject: string
  readonly value: number
}

/** How a measure of a subject is known. */
export function measureId({ measure, subject }: Omit<MeasuredValue, 'value'>): string {
  return JSON.stringify([measure, subject])
}

/**
 * What can be measured of a run. What was not looked at as a whole has no rate, and a run that failed no duration that
 * means anything.
 */
export function valuesOf(run: RunFacts): readonly MeasuredValue[] {
  const whole = run.invariants.filter(({ state }) => state === 'checked')
  return [
    ...whole.flatMap(({ name: subject, findings, inconclusive, rows }): MeasuredValue[] => [
      { measure: 'findings', subject, value: Object.values(findings).reduce((sum, n) => sum + n, 0) },
      { measure: 'inconclusive', subject, value: inconclusive / Math.max(1, rows) },
    ]),
    ...(run.outcome === 'failed' || run.outcome === 'incomplete'
      ? []
      : [{ measure: 'duration', subject: run.schedules.join(' + '), value: run.durationMs / 1_000 } as const]),
    ...run.lags.map(
      (lag) => ({ measure: 'lag', subject: `${lag.service} → ${lag.consumer}`, value: lag.seconds }) as const,
    ),
  ]
}

function measuresAfter(measures: HistoryState['measures'], run: RunRecord): HistoryState['measures'] {
  const after = new Map(measures)
  for (const one of valuesOf(run)) {
    const id = measureId(one)
    after.set(id, classifyMeasure(one.measure, after.get(id) ?? noHistory, one.value).history)
  }
  return after
}
