/** How a watcher is: what /status.json, /healthz and /metrics are made of. */
import type { WatchCounts } from './counts.ts'
import type { Lane } from './decide-run.ts'
import type { HistoryState, LastRepair } from './history-state.ts'
import type { Episode, LagRun, RepairRun, RunRecord } from './record.ts'
import type { WebhookCounts } from './webhook.ts'

/** Everything that can be told of a watcher at a moment. */
export interface WatchView {
  readonly nowMs: number
  readonly startedAtMs: number
  readonly lanes: readonly Lane[]
  readonly running: { readonly schedules: readonly string[]; readonly startedAtMs: number } | undefined
  readonly state: HistoryState
  readonly counts: WatchCounts
  readonly webhook: WebhookCounts | undefined
  readonly lags: readonly LagRun[]
  readonly lastRun: RunRecord | undefined
  /** The last record could not be written. */
  readonly isUnkept: boolean
}

/** How one invariant is. */
export interface InvariantStatus {
  readonly name: string
  readonly schedule: string
  readonly state: 'waiting' | 'checked' | 'incomplete'
  readonly isSilent: boolean
  readonly why?: string
  readonly rows: number
  readonly inconclusive: number
  readonly accepted: number
  readonly findings: Readonly<Record<string, number>>
  readonly lastEndedAt?: string
  readonly lastWholeAt?: string
  readonly nextAt?: string
  /** Measures that are outside their own history. */
  readonly unusual: readonly string[]
  /** The last automatic repair of it, whether it repaired or was refused. */
  readonly lastRepair?: Omit<RepairRun, 'invariant'> & { readonly at: string }
}

/** An open finding's key. */
export interface EpisodeStatus {
  readonly invariant: string
  readonly key: string
  readonly verdict: string
  readonly because: string
  readonly openedAt: string
  readonly lastSeenAt: string
  readonly isFlapping: boolean
}

/** The document of /status.json. */
export interface WatchStatus {
  readonly format: 'selvedge/watch-status@1'
  readonly at: string
  readonly startedAt: string
  readonly isHealthy: boolean
  /** Why it is not: a sentence each. */
  readonly troubles: readonly string[]
  readonly running?: { readonly schedules: readonly string[]; readonly startedAt: string }
  readonly invariants: readonly InvariantStatus[]
  /** Newest first, `episodesMax` at most; `open` counts all. */
  readonly episodes: readonly EpisodeStatus[]
  readonly open: number
  readonly lags: readonly LagRun[]
  readonly webhook?: WebhookCounts & { readonly waiting: number; readonly missed: number }
}

const episodesMax = 1_000

/** The document of a moment. */
export function statusOf(view: WatchView): WatchStatus {
  const { state, running, webhook } = view
  const troubles = troublesOf(view)
  const open = [...state.episodes.values()].filter((one) => one.closedAtMs === undefined)
  return {
    format: 'selvedge/watch-status@1',
    at: iso(view.nowMs),
    startedAt: iso(view.startedAtMs),
    isHealthy: troubles.length === 0,
    troubles,
    ...(running === undefined
      ? {}
      : { running: { schedules: running.schedules, startedAt: iso(running.startedAtMs) } }),
    invariants: view.lanes.flatMap((lane) => lane.invariants.map((name) => invariantStatus(name, lane, view))),
    episodes: open
      .sort((a, b) => b.openedAtMs - a.openedAtMs)
      .slice(0, episodesMax)
      .map(episodeStatus),
    open: open.length,
    lags: view.lags,
    ...(webhook === undefined ? {} : { webhook: { ...webhook, waiting: state.untold.length, missed: state.missed } }),
  }
}

/** Why nobody should rely on this watcher now. Findings are no trouble of the watcher: they are what it is for. */
export function troublesOf({ lanes, state, isUnkept }: WatchView): readonly string[] {
  const watched = lanes.flatMap((lane) => lane.invariants)
  return [
    ...watched
      .filter((name) => state.silent.has(name))
      .map((name) => `check-silent: "${name}" has not been checked within its schedule`),
    ...watched.flatMap((name) => {
      const last = state.last.get(name)
      if (last?.state !== 'incomplete') return []
      // Rows without a key leave a check incomplete for ever; only one that could read nothing is failing.
      return last.rows === 0 ? [`"${name}" could not be checked: ${last.why ?? 'no reason was given'}`] : []
    }),
    ...(isUnkept ? ['the history could not be written'] : []),
  ]
}

function invariantStatus(name: string, lane: Lane, { state }: WatchView): InvariantStatus {
  const last = state.last.get(name)
  const unusual = [...state.measures].flatMap(([id, history]) => {
    const [measure, subject] = JSON.parse(id) as [string, string]
    return history.isAlarm && subject === name ? [measure] : []
  })
  return {
    name,
    schedule: lane.schedule,
    state: last?.state ?? 'waiting',
    isSilent: state.silent.has(name),
    ...(last?.why === undefined ? {} : { why: last.why }),
    rows: last?.rows ?? 0,
    inconclusive: last?.inconclusive ?? 0,
    accepted: last?.accepted ?? 0,
    findings: { ...last?.findings },
    ...(last === undefined ? {} : { lastEndedAt: iso(last.endedAtMs) }),
    ...(last?.wholeEndedAtMs === undefined ? {} : { lastWholeAt: iso(last.wholeEndedAtMs) }),
    ...(Number.isFinite(lane.dueMs) ? { nextAt: iso(lane.dueMs) } : {}),
    unusual,
    ...(last?.repair === undefined ? {} : { lastRepair: repairStatus(last.repair) }),
  }
}

function repairStatus({ invariant: _, atMs, ...repair }: LastRepair): NonNullable<InvariantStatus['lastRepair']> {
  return { at: iso(atMs), ...repair }
}

function episodeStatus({ openedAtMs, lastSeenAtMs, ...one }: Episode): EpisodeStatus {
  const { invariant, key, verdict, because, isFlapping } = one
  return {
    ...{ invariant, key, verdict, because, isFlapping },
    ...{ openedAt: iso(openedAtMs), lastSeenAt: iso(lastSeenAtMs) },
  }
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString()
}
