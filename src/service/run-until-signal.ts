/** A service as a process: starts, waits for the signal to end, drains. */
import { isSelvedgeError } from '../base/error.ts'
import { systemRandom } from '../base/random.ts'
import { backoff } from '../base/retry.ts'
import { systemScheduler } from '../base/scheduler.ts'
import type { RunningService } from './service.ts'

/** How a process is run. */
export interface RunOptions {
  /** SIGTERM is what orchestrators send, SIGINT what a terminal does. */
  readonly signals?: readonly NodeJS.Signals[]
  /** Hears of each start that failed and is tried again; for logs. */
  readonly onRetry?: (error: unknown) => void
  /** Runs once all services are started, as to open a port. What it returns is called before they drain. */
  readonly started?: () => Promise<(() => Promise<void>) | undefined> | (() => Promise<void>) | undefined
}

/** A database that is away at start is asked for again this soon, and this seldom at most. */
const retryMsFirst = 100
const retryMsMax = 5_000

/**
 * Starts services in the order given and runs them until the process is told to end; then they drain in reverse order.
 *
 * A start that fails for a reason of the moment (the database is away) is tried again until it succeeds or the signal comes; any
 * other failure stops what was started and is thrown. Resolves with the signal once all is drained. A second signal
 * meets no handler any more and ends the process as the system does.
 *
 * ```ts
 * await runUntilSignal(defineService({ contract: shop, database: openDatabase(process.env.DATABASE_URL) }))
 * ```
 * @throws what `start()` throws, except transient errors.
 */
export async function runUntilSignal(
  services: RunningService | readonly RunningService[],
  options: RunOptions = {},
): Promise<NodeJS.Signals> {
  const list = 'start' in services ? [services] : services
  const ending = endOf(options.signals ?? ['SIGTERM', 'SIGINT'])
  const begun: RunningService[] = []
  let close: (() => Promise<void>) | undefined
  try {
    for (const service of list) {
      begun.unshift(service)
      await startPatiently(service, ending.abort.signal, options.onRetry)
    }
    if (!ending.abort.signal.aborted) close = await options.started?.()
    return await ending.signal
  } finally {
    ending.forget()
    await close?.()
    for (const service of begun) await service.stop()
  }
}

async function startPatiently(
  service: RunningService,
  ended: AbortSignal,
  onRetry: RunOptions['onRetry'],
): Promise<void> {
  const scheduler = systemScheduler()
  for (let attempt = 1; !ended.aborted; attempt++) {
    try {
      return await service.start()
    } catch (error) {
      if (!isSelvedgeError(error) || error.kind !== 'transient') throw error
      onRetry?.(error)
      const pauseMs = backoff({ attempt, baseMs: retryMsFirst, maxMs: retryMsMax, random: systemRandom })
      await scheduler.sleep(Math.max(retryMsFirst, pauseMs), ended)
    }
  }
}

function endOf(signals: readonly NodeJS.Signals[]): {
  readonly signal: Promise<NodeJS.Signals>
  readonly abort: AbortController
  forget(): void
} {
  const abort = new AbortController()
  let told: (signal: NodeJS.Signals) => void = () => undefined
  const signal = new Promise<NodeJS.Signals>((resolve) => {
    told = resolve
  })
  const heard = (name: NodeJS.Signals) => {
    forget()
    abort.abort()
    told(name)
  }
  const forget = () => {
    for (const name of signals) process.off(name, heard)
  }
  for (const name of signals) process.on(name, heard)
  return { signal, abort, forget }
}
