/** Repeats a check on a schedule, remembers what it found, and says what changed: the front door of `watch`. */

import { type Clock, type Random, type Scheduler, systemRandom, systemScheduler } from '../base/base.ts'
import { systemClock } from '../base/clock.ts'
import { check } from '../check/check.ts'
import { type Config, defineConfig } from '../invariant/invariant.ts'
import type { CarriedOut, OnReport, RunParts } from './carry-out.ts'
import { History } from './history.ts'
import { readLags } from './read-lags.ts'
import type { AlertRecord, RunRecord } from './record.ts'
import { startServer, type WatchServer } from './server.ts'
import { settingOf } from './setting.ts'
import { statusOf, type WatchStatus } from './status.ts'
import { Watcher, type WatcherParts } from './watcher.ts'
import type { Send } from './webhook.ts'

export { type AutomaticOptions, automaticRepairs } from './automatic-repairs.ts'
export type { CarriedOut, OnReport } from './carry-out.ts'
export { readHistory } from './history.ts'
export type { AlertRecord, EpisodeEvent, RepairRun, RunRecord, WatchEvent } from './record.ts'
export { readSchedule } from './schedule.ts'
export { settingOf } from './setting.ts'
export type { WatchStatus } from './status.ts'
export { signatureOf } from './webhook.ts'
export { sentenceOfEvent, sentenceOfRepair } from './webhook-message.ts'

/** What may be given to a watch. */
export interface WatchOptions {
  readonly clock?: Clock
  /** Runs the loops. One that is given is not stopped at the end. */
  readonly scheduler?: Scheduler
  readonly random?: Random
  /** Where `{ env: 'NAME' }` of the settings is looked up. Default: that of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly check?: RunParts['check']
  readonly lags?: RunParts['lags']
  /** Posts messages; `fetch` by default. */
  readonly send?: Send
  /** The place of automatic repairs: see `automaticRepairs`. Without it nothing is written. */
  readonly onReport?: OnReport
  readonly onRun?: (run: RunRecord, report: CarriedOut['report']) => void
  readonly onAlert?: (alert: AlertRecord) => void
  /** Hears what is being done, a line each. */
  readonly onProgress?: (line: string) => void
  /** Called once when the watch cannot go on, because another process took its history over. */
  readonly onLost?: () => void
}

/** A watch that goes on. */
export interface Watch {
  /** Where /metrics, /healthz and /status.json are. */
  readonly url: string
  /** The run that had begun when the watcher before this one ended, if it was broken off. */
  readonly interrupted: string | undefined
  status(): WatchStatus
  /** Begins no more runs, waits for the one in flight, lets the history go. */
  stop(): Promise<void>
}

/** Long enough for a receiver that is well; what it did not take is sent by the next run. */
const flushMsMax = 10_000

/**
 * Watches what the configuration declares, until `stop`.
 *
 * @throws refused `invariant/…` and `watch/bad-schedule` for settings that cannot be followed, `watch/no-variable`,
 *   `watch/history-locked` when another watcher keeps the same history, `watch/port-taken`.
 * @example
 * const watching = await watch(config)
 * process.once('SIGTERM', () => watching.stop())
 */
export async function watch(config: Config, options: WatchOptions = {}): Promise<Watch> {
  const { watcher, parts, close } = prepare(config, options)
  let server: WatchServer
  try {
    server = await startServer(() => watcher.view(), parts.setting)
  } catch (error) {
    await close()
    throw error
  }
  watcher.start()
  return {
    url: server.url,
    interrupted: parts.history.interrupted,
    status: () => statusOf(watcher.view()),
    async stop() {
      await watcher.stop()
      await server.close()
      await close()
    },
  }
}

/**
 * Runs every invariant once, now, as one run of the history: for people whose own timer repeats it.
 *
 * @throws as `watch` does.
 */
export async function watchOnce(config: Config, options: WatchOptions = {}): Promise<CarriedOut> {
  const { watcher, close } = prepare(config, options)
  try {
    const carriedOut = await watcher.runOnce()
    await watcher.flush(flushMsMax)
    return carriedOut
  } finally {
    await watcher.stop()
    await close()
  }
}

interface Prepared {
  readonly watcher: Watcher
  readonly parts: WatcherParts
  readonly close: () => Promise<void>
}

function prepare(config: Config, options: WatchOptions): Prepared {
  const setting = settingOf(defineConfig(config), options.environment ?? process.env)
  const clock = options.clock ?? systemClock
  const history = History.open({ path: setting.historyPath, keepDays: setting.keepDays, clock })
  const scheduler = options.scheduler ?? systemScheduler()
  const parts: WatcherParts = {
    ...{ config, setting, history, clock, scheduler },
    random: options.random ?? systemRandom,
    check: options.check ?? check,
    lags: options.lags ?? readLags,
    send: options.send ?? fetch,
    webhook: setting.webhook,
    incremental: setting.wholeWithin && { folder: `${setting.historyPath}/verified`, within: setting.wholeWithin },
    onReport: options.onReport,
    onRun: options.onRun ?? (() => undefined),
    onAlert: options.onAlert ?? (() => undefined),
    onProgress: options.onProgress ?? (() => undefined),
    onLost: once(options.onLost ?? (() => undefined)),
  }
  const close = async () => {
    if (options.scheduler === undefined) await scheduler.stop()
    history.close()
  }
  return { watcher: new Watcher(parts), parts, close }
}

function once(work: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) work()
    isDone = true
  }
}
