/**
 * Turns what a running service knows into metrics, about every ten seconds: lag of its readers, streams that wait, and what its
 * consumers dropped or had to pull. Nothing here is on the way of an event.
 */
import { type ConsumerLag, consumerLags, recordLags } from '../log/consumer-lag.ts'
import { metrics } from '../observe/metrics.ts'
import type { Database } from '../store/store.ts'
import { quoteIdentifier } from '../store/store.ts'
import type { ConsumerHealth } from './running-consumer.ts'

interface Counts {
  readonly duplicates: number
  readonly pulled: number
}

/** Series of parked streams in one look: an error code more is one label more, so there are few. */
const parkedSeriesMax = 200

export class Report {
  /** The lag of those who read this service's log, as of the last look. */
  lags: readonly ConsumerLag[] = []
  readonly #database: Database
  readonly #service: string
  readonly #relays: readonly string[]
  readonly #told = new Map<string, Counts>()
  /** Series that had a value: one that ends is told as 0, or it would stand for ever. */
  #parked = new Map<string, { readonly consumer: string; readonly code: string }>()

  constructor(database: Database, service: string, relays: readonly string[]) {
    this.#database = database
    this.#service = service
    this.#relays = relays
  }

  /** One look at the tables. */
  async look(): Promise<void> {
    this.lags = await consumerLags(this.#database)
    recordLags(this.#service, this.lags, this.#relays)
    await this.#recordParked()
  }

  /** Adds what the consumers have counted since the last time. */
  count(consumers: readonly ConsumerHealth[]): void {
    for (const { name: consumer, duplicates, pulled } of consumers) {
      const before = this.#told.get(consumer) ?? { duplicates: 0, pulled: 0 }
      if (duplicates > before.duplicates) metrics.inboxDuplicates.add(duplicates - before.duplicates, { consumer })
      if (pulled > before.pulled) metrics.inboxPulled.add(pulled - before.pulled, { consumer })
      this.#told.set(consumer, { duplicates, pulled })
    }
  }

  async #recordParked(): Promise<void> {
    const s = quoteIdentifier(this.#database.schema)
    const { rows } = await this.#database.query<{ consumer: string; code: string; streams: string }>({
      text: `select consumer, coalesce(error->>'code', 'unknown') as code, count(*) as streams from ${s}.parked_stream group by 1, 2 order by 3 desc limit ${parkedSeriesMax}`,
      values: [],
      name: `selvedge parked keys ${this.#database.schema}`,
    })
    const now = new Map(rows.map((row) => [JSON.stringify([row.consumer, row.code]), row]))
    for (const [key, { consumer, code }] of this.#parked)
      if (!now.has(key)) metrics.consumerParkedKeys.record(0, { consumer, 'error.type': code })
    for (const { consumer, code, streams } of rows)
      metrics.consumerParkedKeys.record(Number(streams), { consumer, 'error.type': code })
    this.#parked = new Map([...now].map(([key, { consumer, code }]) => [key, { consumer, code }]))
  }
}
