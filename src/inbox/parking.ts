/**
 * Streams that wait because one of their events failed: that event and all later ones of the stream, in order.
 *
 *     flowing --handler fails--> retrying --tries run out--> parked --retry or release--> retrying --all applied--> flowing
 *
 * One process owns a lane and its loop is one sequence, so a stream is never drained while a new event of it is appended.
 */
import { isSelvedgeError } from '../base/error.ts'
import type { LoggedEvent } from '../log/event.ts'
import type { Queryable, Transaction } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'
import { decideRetry } from './decide-retry.ts'

/** A waiting stream as the loop remembers it. */
export interface ParkedStream {
  readonly stream: string
  readonly lane: number
  readonly state: 'retrying' | 'parked'
  readonly attempts: number
  readonly nextTryMs: number
}

interface ParkedRow {
  readonly stream: string
  readonly lane: number
  readonly state: 'retrying' | 'parked'
  readonly attempts: number
  readonly next_try_ms: string
}

/** Error text that is kept: enough to understand it, too little to hold somebody's payload. */
const errorTextMax = 500

export class Parking {
  readonly #s: string
  readonly #consumer: string
  readonly #source: string

  constructor(schema: string, consumer: string, source: string) {
    this.#s = quoteIdentifier(schema)
    this.#consumer = consumer
    this.#source = source
  }

  /** The waiting streams of the given lanes. */
  async load(db: Queryable, lanes: readonly number[]): Promise<Map<string, ParkedStream>> {
    const { rows } = await db.query<ParkedRow>({
      text: `select stream, lane, state, attempts, extract(epoch from next_try - ${this.#s}.now()) * 1000 as next_try_ms from ${this.#s}.parked_stream where consumer = $1 and source = $2 and lane = any($3)`,
      values: [this.#consumer, this.#source, lanes],
      name: `selvedge parked ${this.#s}`,
    })
    return new Map(
      rows.map((row) => [
        row.stream,
        {
          stream: row.stream,
          lane: row.lane,
          state: row.state,
          attempts: row.attempts,
          nextTryMs: Number(row.next_try_ms),
        },
      ]),
    )
  }

  /** Sets a stream aside from `events` on, with the error of the first. */
  park(tx: Transaction, events: readonly LoggedEvent[], error: unknown): ParkedStream {
    const first = events[0] as LoggedEvent
    const decision = decideRetry(1, codeOf(error))
    const afterMs = decision.state === 'retrying' ? decision.afterMs : 0
    tx.send(
      `insert into ${this.#s}.parked_stream(consumer, source, stream, lane, state, attempts, next_try, error)
       values ($1, $2, $3, $4, $5, 1, ${this.#s}.now() + $6 * interval '1 millisecond', $7)
       on conflict (consumer, source, stream) do nothing`,
      [
        this.#consumer,
        this.#source,
        first.stream,
        first.lane,
        decision.state,
        afterMs,
        JSON.stringify(errorFacts(error, first)),
      ],
    )
    this.append(tx, events)
    return { stream: first.stream, lane: first.lane, state: decision.state, attempts: 1, nextTryMs: afterMs }
  }

  /** Puts events behind those that wait already. */
  append(tx: Transaction, events: readonly LoggedEvent[]): void {
    if (events.length === 0) return
    tx.send(
      `insert into ${this.#s}.parked_event(consumer, source, stream, version, event)
       select $1, $2, x.stream, x.version, x.event from unnest($3::text[], $4::bigint[], $5::json[]) x(stream, version, event) on conflict do nothing`,
      [
        this.#consumer,
        this.#source,
        events.map((e) => e.stream),
        events.map((e) => e.version),
        events.map((e) => JSON.stringify(e)),
      ],
    )
  }

  /** Empties what waits of erased streams; the events keep their places, and are applied as erasures. */
  purge(tx: Transaction, streams: readonly string[]): void {
    if (streams.length === 0) return
    tx.send(
      `update ${this.#s}.parked_event set event = (event::jsonb - 'headers' - 'subject' || '{"op":"erase","data":null}')::json where consumer = $1 and source = $2 and stream = any($3)`,
      [this.#consumer, this.#source, streams],
    )
  }

  /** Which streams of these events wait; they go on waiting until the transaction ends. */
  async among(tx: Transaction, events: readonly LoggedEvent[]): Promise<ReadonlySet<string>> {
    const { rows } = await tx.query<{ stream: string }>({
      text: `select stream from ${this.#s}.parked_stream where consumer = $1 and source = $2 and stream = any($3) order by stream for key share`,
      values: [this.#consumer, this.#source, [...new Set(events.map((event) => event.stream))]],
      name: `selvedge among parked ${this.#s}`,
    })
    return new Set(rows.map((row) => row.stream))
  }

  /** The first waiting events of a stream, in order; locked, so that nobody adds to or skips what is being applied. */
  async waiting(tx: Transaction, stream: string, most: number): Promise<readonly LoggedEvent[]> {
    tx.send(`select from ${this.#s}.parked_stream where consumer = $1 and source = $2 and stream = $3 for update`, [
      this.#consumer,
      this.#source,
      stream,
    ])
    const { rows } = await tx.query<{ event: LoggedEvent }>(
      `select event from ${this.#s}.parked_event where consumer = $1 and source = $2 and stream = $3 order by version limit $4 for update`,
      [this.#consumer, this.#source, stream, most],
    )
    return rows.map((row) => ({ ...row.event, at: new Date(row.event.at) }))
  }

  /** Removes applied events, and the stream itself when none are left. */
  unpark(tx: Transaction, stream: string, upTo: number): void {
    const key = [this.#consumer, this.#source, stream]
    tx.send(
      `delete from ${this.#s}.parked_event where consumer = $1 and source = $2 and stream = $3 and version <= $4`,
      [...key, upTo],
    )
    tx.send(
      `delete from ${this.#s}.parked_stream p where consumer = $1 and source = $2 and stream = $3
       and not exists (select from ${this.#s}.parked_event e where e.consumer = p.consumer and e.source = p.source and e.stream = p.stream)`,
      key,
    )
  }

  /** Writes down one more failed try. */
  async failed(db: Queryable, parked: ParkedStream, event: LoggedEvent, error: unknown): Promise<ParkedStream> {
    const attempts = parked.attempts + 1
    const decision = decideRetry(attempts, codeOf(error))
    const afterMs = decision.state === 'retrying' ? decision.afterMs : 0
    await db.query(
      `update ${this.#s}.parked_stream set state = $4, attempts = $5, next_try = ${this.#s}.now() + $6 * interval '1 millisecond', error = $7 where consumer = $1 and source = $2 and stream = $3`,
      [
        this.#consumer,
        this.#source,
        parked.stream,
        decision.state,
        attempts,
        afterMs,
        JSON.stringify(errorFacts(error, event)),
      ],
    )
    return { ...parked, state: decision.state, attempts, nextTryMs: afterMs }
  }
}

function codeOf(error: unknown): string | undefined {
  return isSelvedgeError(error) ? error.code : (error as { code?: string } | undefined)?.code
}

function errorFacts(error: unknown, event: LoggedEvent): Record<string, unknown> {
  const message = error instanceof Error ? error.message : String(error)
  return {
    code: codeOf(error) ?? 'inbox/handler-failed',
    message: message.replaceAll('\0', '').slice(0, errorTextMax),
    version: event.version,
    type: event.type,
    schemaVersion: event.schemaVersion,
    id: event.id,
  }
}
