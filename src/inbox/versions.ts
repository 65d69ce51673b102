/**
 * Which version each stream has reached, for transports that lose, double and reorder.
 *
 * Rows are locked in stream order before anything is decided, so that two processes that got the same message decide one after
 * the other: the second finds the version there and drops it.
 */
import type { LoggedEvent } from '../log/event.ts'
import type { Queryable, Transaction } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'

/** What may be applied of a batch, and what lies before it that has not come. */
export interface Admission {
  /** Indexes of the batch's events that are next in their streams. */
  readonly fresh: ReadonlySet<number>
  /** Streams whose next version is not here, with the version they have reached. */
  readonly holes: ReadonlyMap<string, number>
}

/** How far a stream is: its version, and the position of its lane, before which all is done. */
export interface Reached {
  readonly version: number
  readonly epoch: number
  readonly tick: number
  /** No event after this one was invisible at that tick. */
  readonly floorSeq: number
}

/**
 * Decides by versions; of a stream that has none yet the position says what is done: before a snapshot, or before a consumer
 * that began later. Pure. `inOrder` reads come from the log itself, where what is not there does not exist.
 */
export function admit(
  events: readonly LoggedEvent[],
  reached: ReadonlyMap<string, Reached>,
  inOrder: boolean,
): Admission {
  const at = new Map<string, number>()
  const fresh = new Set<number>()
  const holes = new Map<string, number>()
  for (const [index, event] of events.entries()) {
    const known = reached.get(event.stream)
    const version = at.get(event.stream) ?? known?.version ?? 0
    if (event.version <= version || holes.has(event.stream)) continue
    if (known?.version === 0 && isBefore(event, known)) {
      at.set(event.stream, event.version)
      continue
    }
    if (event.version > version + 1 && !inOrder) holes.set(event.stream, version)
    else {
      fresh.add(index)
      at.set(event.stream, event.version)
    }
  }
  return { fresh, holes }
}

/** Whether a position is past an event. A reader of many ticks at once gives all of them the last one's number. */
function isBefore({ epoch, tick, seq }: LoggedEvent, position: Reached): boolean {
  return epoch === position.epoch && (tick <= position.tick || seq <= position.floorSeq)
}

export class Versions {
  readonly #s: string
  readonly #consumer: string
  readonly #source: string

  constructor(schema: string, consumer: string, source: string) {
    this.#s = quoteIdentifier(schema)
    this.#consumer = consumer
    this.#source = source
  }

  /** Whether the consumer has ever taken messages: from then on it keeps versions, whichever way its events come. */
  async areKept(db: Queryable): Promise<boolean> {
    const { rowCount } = await db.query(`select from ${this.#s}.applied where consumer = $1 and source = $2 limit 1`, [
      this.#consumer,
      this.#source,
    ])
    return rowCount > 0
  }

  /** Locks the streams of a batch and says which version each has reached. */
  async lock(tx: Transaction, events: readonly LoggedEvent[]): Promise<ReadonlyMap<string, Reached>> {
    const lanes = new Map(events.map((event) => [event.stream, event.lane]))
    const streams = [...lanes.keys()].sort()
    // Named, since these three run for every message: without a kept plan their planning costs more than they do.
    tx.send({
      text: `insert into ${this.#s}.applied(consumer, source, stream, lane, version, tick) select $1, $2, x.stream, x.lane, 0, -1 from unnest($3::text[], $4::smallint[]) x(stream, lane) on conflict do nothing`,
      values: [this.#consumer, this.#source, streams, streams.map((stream) => lanes.get(stream))],
      name: `selvedge meet ${this.#s}`,
    })
    const { rows } = await tx.query<Record<'stream' | 'version' | 'tick' | 'floor_seq', string> & { epoch: number }>({
      text: `select a.stream, a.version, coalesce(p.epoch, 0) as epoch, coalesce(p.tick, -1) as tick, coalesce(p.floor_seq, -1) as floor_seq
       from ${this.#s}.applied a left join lateral (
         select epoch, tick, floor_seq from ${this.#s}.position p where p.consumer = a.consumer and p.source = a.source and p.lane = a.lane order by p.n desc limit 1) p on true
       where a.consumer = $1 and a.source = $2 and a.stream = any($3) order by a.stream for update of a`,
      values: [this.#consumer, this.#source, streams],
      name: `selvedge reached ${this.#s}`,
    })
    return new Map(
      rows.map(({ stream, version, epoch, tick, floor_seq: floorSeq }) => [
        stream,
        { version: Number(version), epoch, tick: Number(tick), floorSeq: Number(floorSeq) },
      ]),
    )
  }

  /**
   * Forgets all of them: after a restart from a snapshot they are those of an earlier state, and a hole after them would be
   * filled with what the snapshot holds.
   */
  forget(tx: Queryable): Promise<unknown> {
    return tx.query(`delete from ${this.#s}.applied where consumer = $1 and source = $2`, [
      this.#consumer,
      this.#source,
    ])
  }

  /** Stores what the streams have reached with `events`. */
  record(tx: Transaction, events: readonly LoggedEvent[]): void {
    if (events.length === 0) return
    const last = new Map(events.map((event) => [event.stream, event]))
    tx.send({
      text: `update ${this.#s}.applied a set version = x.version, tick = x.tick, at = ${this.#s}.now() from unnest($3::text[], $4::bigint[], $5::bigint[]) x(stream, version, tick)
       where a.consumer = $1 and a.source = $2 and a.stream = x.stream`,
      values: [
        this.#consumer,
        this.#source,
        [...last.keys()],
        [...last.values()].map((event) => event.version),
        [...last.values()].map((event) => event.tick),
      ],
      name: `selvedge reach ${this.#s}`,
    })
  }
}
