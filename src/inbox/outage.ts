/** Tells an outage from poison: a few streams that fail are set aside, very many at once are left where they are. */
import { isSelvedgeError, transient } from '../base/error.ts'

/** More streams than this failing within a minute is an outage, not poison: the loop then waits instead of parking the world. */
const streamsMax = 100
const windowMs = 60_000

/** Told by the data alone, before any handler ran. */
export function isOfContract(error: unknown): boolean {
  return isSelvedgeError(error) && error.code.startsWith('contract/')
}

/** The streams of one consumer that failed of late. Streams are counted and not failures: one may fail in many tries of a batch. */
export class FailedStreams {
  readonly #consumer: string
  readonly #atMs = new Map<string, number>()

  constructor(consumer: string) {
    this.#consumer = consumer
  }

  /**
   * Counts a stream that failed.
   *
   * @throws Transient `inbox/outage` when it is one too many; never for data that breaks its contract.
   */
  add(stream: string, cause: unknown, nowMs: number): void {
    for (const [failed, atMs] of this.#atMs) if (nowMs - atMs >= windowMs) this.#atMs.delete(failed)
    this.#atMs.set(stream, nowMs)
    if (!isOfContract(cause) && this.#atMs.size > streamsMax)
      throw transient(
        'inbox/outage',
        `More than ${streamsMax} streams of ${this.#consumer} failed within a minute: this looks like an outage, so no more are parked.`,
        'Mend what the handlers depend on; the consumer goes on by itself.',
        { cause },
      )
  }
}
