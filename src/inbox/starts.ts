/**
 * Counts what was started and never finished: the only trace of a handler that ends its process.
 *
 * To cost nothing on the way, only the first batch of each lane after a start or a takeover is counted, by its first event: a
 * process that died in a batch begins again with that very batch.
 */
import { defect } from '../base/error.ts'
import type { LoggedEvent } from '../log/event.ts'
import type { Database } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'

/** A third start may follow two deployments that fell badly; nobody is that unlucky four times. */
export const startsMax = 3

/** What is about to be done: a batch by its first event, or the waiting events of a stream (version 0). */
export interface Start {
  readonly stream: string
  readonly version: number
}

export class Starts {
  readonly #database: Database
  readonly #s: string
  readonly #consumer: string
  readonly #source: string
  /** What this process began and has not finished, by stream: at most the waiting streams and one batch. */
  readonly #own = new Map<string, { readonly version: number; readonly count: number }>()

  constructor(database: Database, consumer: string, source: string) {
    this.#database = database
    this.#s = quoteIdentifier(database.schema)
    this.#consumer = consumer
    this.#source = source
  }

  /** How often this was started without being finished, this time included. A try that failed and lived does not count again. */
  async begin({ stream, version }: Start): Promise<number> {
    const own = this.#own.get(stream)
    if (own?.version === version) return own.count
    const { rows } = await this.#database.query<{ starts: number }>(
      `insert into ${this.#s}.started as s(consumer, source, stream, version, starts) values ($1, $2, $3, $4, 1)
       on conflict (consumer, source, stream) do update set version = $4, starts = case when s.version = $4 then s.starts else 0 end + 1 returning starts`,
      [this.#consumer, this.#source, stream, version],
    )
    const count = Number(rows[0]?.starts)
    this.#own.set(stream, { version, count })
    return count
  }

  /** It came to an end, good or bad. */
  async finish({ stream }: Pick<Start, 'stream'>): Promise<void> {
    this.#own.delete(stream)
    await this.#database.query(`delete from ${this.#s}.started where consumer = $1 and source = $2 and stream = $3`, [
      this.#consumer,
      this.#source,
      stream,
    ])
  }
}

/** What is written beside an event that was never seen to end. */
export function killedProcess(event: LoggedEvent): Error {
  return defect(
    'inbox/killed-process',
    `The process ended ${startsMax} times while it handled version ${event.version} of ${event.stream}.`,
    'Mend what ends the process (memory, process.exit, a native library), then retry the stream, or skip the event.',
    { stream: event.stream, version: event.version },
  )
}
