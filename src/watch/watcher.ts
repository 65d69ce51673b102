/**
 * A watcher at work: three loops of one scheduler.
 *
 *     watch-checks       what is due runs, one run at a time; then it waits for the next
 *     watch-supervision  looks whether checks end within their schedule, though the loop above may hang
 *     watch-webhook      sends what changed, at its own pace (webhook.ts)
 */
import type { Clock, Random, Scheduler, Task } from '../base/base.ts'
import { type CarriedOut, carryOut, newRunId, type RunParts } from './carry-out.ts'
import { WatchCounts } from './counts.ts'
import { type DueLane, decideRun, firstDue, type Lane, type NextMs } from './decide-run.ts'
import { decideAwakeSince, decideSilence, decideTolerance } from './decide-silence.ts'
import type { History } from './history.ts'
import type { HistoryRecord } from './history-state.ts'
import type { AlertRecord, LagRun, RunRecord, WatchEvent } from './record.ts'
import type { WatchSetting } from './setting.ts'
import type { WatchView } from './status.ts'
import { type Send, Webhook } from './webhook.ts'
import { isTold } from './webhook-message.ts'

/** What a watcher works with. */
export interface WatcherParts extends RunParts {
  readonly setting: WatchSetting
  readonly history: History
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly send: Send
  readonly onRun: (run: RunRecord, report: CarriedOut['report']) => void
  readonly onAlert: (alert: AlertRecord) => void
  /** The watcher cannot go on: its history was taken over. */
  readonly onLost: () => void
}

/** How often silence is looked for, and the lock's beat given. */
const lookMsMax = 30_000
const lookMsMin = 250

interface Running {
  readonly lanes: readonly DueLane[]
  readonly startedAtMs: number
}

/** The loops, from their start to `stop`. */
export class Watcher {
  readonly #parts: WatcherParts
  readonly #counts = new WatchCounts()
  readonly #startedAtMs: number
  readonly #nextMs: NextMs
  readonly #webhook: Webhook | undefined
  #lanes: readonly Lane[]
  #running: Running | undefined
  #lags: readonly LagRun[] = []
  #lastRun: RunRecord | undefined
  #isUnkept = false
  #awakeSinceMs: number
  #lastLookMs: number
  #checks: Task | undefined
  #supervision: Task | undefined

  constructor(parts: WatcherParts) {
    this.#parts = parts
    const { setting, history, clock } = parts
    const nowMs = clock.now().getTime()
    this.#startedAtMs = this.#awakeSinceMs = this.#lastLookMs = nowMs
    const schedules = new Map(setting.lanes.map(({ occurrences }) => [occurrences.text, occurrences]))
    this.#nextMs = ({ schedule }, afterMs) => schedules.get(schedule)?.nextMs(afterMs) ?? Infinity
    this.#lanes = setting.lanes.map(({ occurrences, invariants }) => {
      const runs = invariants.flatMap((name) => history.state.last.get(name)?.startedAtMs ?? [])
      // An invariant that is new in its schedule has not been checked: then the schedule is due.
      const lastStartedMs = runs.length < invariants.length ? undefined : Math.min(...runs)
      return firstDue({ schedule: occurrences.text, invariants }, { nowMs, lastStartedMs }, this.#nextMs)
    })
    this.#webhook =
      setting.webhook === undefined
        ? undefined
        : new Webhook({ ...parts, setting: setting.webhook, onNote: parts.onProgress })
  }

  start(): void {
    const { scheduler } = this.#parts
    this.#checks = scheduler.task('watch-checks', () => this.#checkRound())
    this.#supervision = scheduler.task('watch-supervision', async () => this.#look())
  }

  /** Runs everything once, now; for `--once`. */
  async runOnce(): Promise<CarriedOut> {
    const nowMs = this.#parts.clock.now().getTime()
    const due = this.#lanes.map((lane) => ({ ...lane, delayMs: 0, nextDueMs: this.#nextMs(lane, nowMs) }))
    return this.#run(due, nowMs)
  }

  /** Waits until the webhook's receiver has everything, or for `withinMs`; for `--once`. */
  async flush(withinMs: number): Promise<void> {
    const { clock, scheduler, history } = this.#parts
    const untilMs = clock.monotonicMs() + withinMs
    while (this.#webhook !== undefined && history.state.untold.length > 0 && clock.monotonicMs() < untilMs)
      await scheduler.sleep(50)
  }

  /** Begins no more runs, and resolves when the one in flight has ended. */
  async stop(): Promise<void> {
    await this.#checks?.stop()
    await this.#supervision?.stop()
    await this.#webhook?.stop()
  }

  view(): WatchView {
    const running = this.#running
    return {
      nowMs: this.#parts.clock.now().getTime(),
      startedAtMs: this.#startedAtMs,
      lanes: this.#lanes,
      running: running && {
        schedules: running.lanes.map(({ schedule }) => schedule),
        startedAtMs: running.startedAtMs,
      },
      state: this.#parts.history.state,
      counts: this.#counts,
      webhook: this.#webhook?.counts,
      lags: this.#lags,
      lastRun: this.#lastRun,
      isUnkept: this.#isUnkept,
    }
  }

  async #checkRound(): Promise<number> {
    const nowMs = this.#parts.clock.now().getTime()
    const { lanes, due, waitMs } = decideRun(this.#lanes, nowMs, this.#nextMs)
    this.#lanes = lanes
    if (due.length === 0) return waitMs
    await this.#run(due, nowMs)
    return 0
  }

  async #run(due: readonly DueLane[], nowMs: number): Promise<CarriedOut> {
    const { history, onRun } = this.#parts
    const id = newRunId(this.#parts)
    this.#running = { lanes: due, startedAtMs: nowMs }
    this.#keep({ kind: 'begun', id, at: new Date(nowMs).toISOString() })
    try {
      const order = {
        id,
        invariants: due.flatMap((lane) => lane.invariants),
        schedules: due.map((lane) => lane.schedule),
        delayMs: Math.max(...due.map((lane) => lane.delayMs)),
      }
      const { run, report } = await carryOut(order, this.#parts, () => history.state)
      this.#keep(run)
      this.#counts.add(run)
      this.#lags = run.lags
      this.#lastRun = run
      this.#heard(run)
      onRun(run, report)
      return { run, report }
    } finally {
      this.#running = undefined
    }
  }

  /** A check that was silent has ended: that alert is over. */
  #heard(run: RunRecord): void {
    const silent = run.invariants.filter(({ name }) => this.#parts.history.state.silent.has(name))
    this.#alert(
      silent.map(({ name: invariant }) => ({
        ...{ kind: 'heard', invariant, verdict: 'check-silent', because: 'a check of it has ended again' },
      })),
    )
  }

  #look(): number {
    const { clock, history, setting, onLost } = this.#parts
    const nowMs = clock.now().getTime()
    const waitedMs = this.#lookMs()
    this.#awakeSinceMs = decideAwakeSince({
      ...{ awakeSinceMs: this.#awakeSinceMs, lastLookMs: this.#lastLookMs, waitedMs, nowMs },
    })
    this.#lastLookMs = nowMs
    if (!history.beat()) onLost()
    const silent = this.#lanes.flatMap((lane): readonly WatchEvent[] => {
      const running = this.#running?.lanes.find(({ schedule }) => schedule === lane.schedule)
      const { dueMs } = running ?? lane
      const toleranceMs = decideTolerance(this.#nextMs(lane, dueMs) - dueMs, setting.silentAfterMs)
      const lastEndedMs = Math.max(0, ...lane.invariants.map((name) => history.state.last.get(name)?.endedAtMs ?? 0))
      const awakeSinceMs = this.#awakeSinceMs
      if (!decideSilence({ dueMs, awakeSinceMs, lastEndedMs, toleranceMs, nowMs })) return []
      const because = `its check was due at ${new Date(dueMs).toISOString()} and has ${running === undefined ? 'not begun' : 'begun, and not ended'}`
      return lane.invariants
        .filter((name) => !history.state.silent.has(name))
        .map((invariant) => ({ kind: 'silent', invariant, verdict: 'check-silent', because }))
    })
    this.#alert(silent)
    return waitedMs
  }

  #lookMs(): number {
    const toleranceMs = this.#parts.setting.silentAfterMs ?? Infinity
    return Math.max(lookMsMin, Math.min(lookMsMax, toleranceMs / 2))
  }

  #alert(events: readonly WatchEvent[]): void {
    if (events.length === 0) return
    const { setting, clock, onAlert } = this.#parts
    const tell = setting.webhook !== undefined
    const record: AlertRecord = {
      ...{ kind: 'alert', id: newRunId(this.#parts), at: clock.now().toISOString(), events, tell },
    }
    this.#keep({ ...record, tell: tell && isTold(record, setting.webhook?.on ?? 'all') })
    onAlert(record)
  }

  /** A disk that is full must not end the watch: it is a trouble that /healthz names until a record can be kept again. */
  #keep(record: HistoryRecord): void {
    try {
      this.#parts.history.append(record)
      this.#isUnkept = false
      this.#webhook?.wake()
    } catch (error) {
      this.#counts.unkept += 1
      this.#isUnkept = true
      this.#parts.onProgress(`history: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}
