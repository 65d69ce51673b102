/**
 * Trying again, with pauses that grow and are drawn at random: callers that failed together must not come back
 * together.
 */
import { isSelvedgeError } from './error.ts'
import { type Random, systemRandom } from './random.ts'
import { type Scheduler, systemScheduler } from './scheduler.ts'

/** The growth of a pause. */
export interface Backoff {
  /** Which failure this is, from 1. */
  readonly attempt: number
  /** The upper end of the first pause. */
  readonly baseMs: number
  /** The upper end of every pause. */
  readonly maxMs: number
  readonly random: Random
}

/** How often and how slowly to try. */
export interface RetryOptions {
  /** How many calls in all, the first included; at least 1. */
  readonly attempts: number
  /** Default 50 ms: a lock or a failover of a pool is often over by then. */
  readonly baseMs?: number
  /** Default 5 s: longer hides a recovery from the caller. */
  readonly maxMs?: number
  readonly random?: Random
  readonly scheduler?: Scheduler
  /** Whether this error is worth another try. Default: all but `refused` and `defect`. */
  readonly retriable?: (error: unknown) => boolean
  /** Gives up the wait and rethrows the last error. */
  readonly signal?: AbortSignal
}

/** The pause after a failure: uniform in [0, min(maxMs, baseMs * 2^(attempt - 1))], known as full jitter. */
export function backoff(growth: Backoff): number {
  const ceiling = Math.min(growth.maxMs, growth.baseMs * 2 ** Math.min(growth.attempt - 1, 52))
  return growth.random.next() * ceiling
}

/**
 * Runs `work` until it succeeds, at most `attempts` times, and gives its result.
 *
 * @throws the last error, unchanged, when the attempts are spent or the error is not worth another try.
 * @example
 * const rows = await retry(() => db.query('select 1'), { attempts: 5 })
 */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { attempts, baseMs = 50, maxMs = 5_000, random = systemRandom, retriable = worthAnotherTry } = options
  const scheduler = options.scheduler ?? systemScheduler()
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt)
    } catch (error) {
      if (attempt >= attempts || !retriable(error) || options.signal?.aborted) throw error
      await scheduler.sleep(backoff({ attempt, baseMs, maxMs, random }), options.signal)
      if (options.signal?.aborted) throw error
    }
  }
}

function worthAnotherTry(error: unknown): boolean {
  return !isSelvedgeError(error) || error.kind === 'transient'
}
