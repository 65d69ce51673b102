/** The SQL of lanes and positions in the reader's database. */
import type { Database, Queryable, Statement } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'
import type { LaneRow } from './decide-lanes.ts'
import { type Position, type PositionRow, positionOf, positionValues } from './position.ts'

/** A lane that this process holds: its fence, and the number of its newest stored position. */
export interface HeldLane {
  readonly lane: number
  readonly fence: number
  n: number
}

export class LaneStore {
  readonly #database: Database
  readonly #s: string
  readonly #consumer: string
  readonly #source: string

  constructor(database: Database, consumer: string, source: string) {
    this.#database = database
    this.#s = quoteIdentifier(database.schema)
    this.#consumer = consumer
    this.#source = source
  }

  /** Whether this database has ever seen the consumer. */
  async exists(): Promise<boolean> {
    const { rowCount } = await this.#database.query(
      `select from ${this.#s}.lane where consumer = $1 and source = $2 limit 1`,
      [this.#consumer, this.#source],
    )
    return rowCount > 0
  }

  /** Makes the rows of a new consumer; those that exist stay. */
  async prepare(lanes: number, start: Position): Promise<void> {
    const numbers = Array.from({ length: lanes }, (_, lane) => lane)
    await this.#database.transaction(async (tx) => {
      const missing = await tx.query(`select from ${this.#s}.lane where consumer = $1 and source = $2`, [
        this.#consumer,
        this.#source,
      ])
      if (missing.rowCount >= lanes) return
      tx.send(
        `insert into ${this.#s}.lane(consumer, source, lane) select $1, $2, unnest($3::smallint[]) on conflict do nothing`,
        [this.#consumer, this.#source, numbers],
      )
      tx.send(
        `insert into ${this.#s}.position(consumer, source, lane, n, epoch, tick, previous, seq_hi, floor_seq, fence)
        select $1, $2, unnest($3::smallint[]), 0, $4, $5, $6, $7, $8, 0 on conflict do nothing`,
        [
          this.#consumer,
          this.#source,
          numbers,
          start.epoch,
          start.previous.tick,
          start.previous.snapshot,
          start.previous.seqHi,
          start.previous.floorSeq,
        ],
      )
    })
  }

  /** Says that this process runs the consumer, so that it counts when lanes are shared. */
  async join(me: string): Promise<void> {
    await this.#database.query(
      `insert into ${this.#s}.member(consumer, source, instance) values ($1, $2, $3) on conflict do nothing`,
      [this.#consumer, this.#source, me],
    )
  }

  /** All lanes, and who is alive among those that run this consumer, in one read that takes no transaction id. */
  async look(staleMs: number): Promise<{ readonly lanes: readonly LaneRow[]; readonly living: ReadonlySet<string> }> {
    const { rows } = await this.#database.query<{
      lane: number
      owner: string | null
      fence: string
      alive: boolean
    }>({
      text: `select lane, owner, fence, false as alive from ${this.#s}.lane where consumer = $1 and source = $2
        union all select null, i.id, null, true from ${this.#s}.member m join ${this.#s}.instance i on i.id = m.instance
        where m.consumer = $1 and m.source = $2 and i.beat > clock_timestamp() - $3 * interval '1 millisecond'`,
      values: [this.#consumer, this.#source, staleMs],
      name: `selvedge lanes ${this.#database.schema}`,
    })
    const lanes = rows
      .filter((row) => row.lane !== null)
      .map((row) => ({ lane: row.lane, owner: row.owner, fence: Number(row.fence) }))
    return { lanes, living: new Set(rows.flatMap((row) => (row.alive && row.owner !== null ? [row.owner] : []))) }
  }

  /** Takes the lanes whose fence has not moved since they were seen. */
  async claim(wanted: readonly LaneRow[], me: string): Promise<readonly { lane: number; fence: number }[]> {
    const { rows } = await this.#database.query<{ lane: number; fence: string }>(
      `update ${this.#s}.lane l set owner = $3, fence = l.fence + 1 from unnest($4::smallint[], $5::bigint[]) x(lane, fence)
       where l.consumer = $1 and l.source = $2 and l.lane = x.lane and l.fence = x.fence returning l.lane, l.fence`,
      [this.#consumer, this.#source, me, wanted.map((row) => row.lane), wanted.map((row) => row.fence)],
    )
    return rows.map((row) => ({ lane: row.lane, fence: Number(row.fence) }))
  }

  async release(lanes: readonly HeldLane[]): Promise<void> {
    await this.#database.query(
      `update ${this.#s}.lane l set owner = null from unnest($3::smallint[], $4::bigint[]) x(lane, fence) where l.consumer = $1 and l.source = $2 and l.lane = x.lane and l.fence = x.fence`,
      [this.#consumer, this.#source, lanes.map((lane) => lane.lane), lanes.map((lane) => lane.fence)],
    )
  }

  /** The newest position of each of the lanes. */
  async positions(lanes: readonly number[]): Promise<readonly { lane: number; n: number; position: Position }[]> {
    const { rows } = await this.#database.query<PositionRow>(
      `select p.* from unnest($3::smallint[]) x(lane) cross join lateral (
         select * from ${this.#s}.position p where p.consumer = $1 and p.source = $2 and p.lane = x.lane order by p.n desc limit 1) p`,
      [this.#consumer, this.#source, lanes],
    )
    return rows.map((row) => ({ lane: row.lane, n: Number(row.n), position: positionOf(row) }))
  }

  /** Moves lanes on, in the transaction of the effect; raises when one was lost. */
  advance(lanes: readonly HeldLane[], position: Position): Statement {
    return {
      text: `select ${this.#s}.advance($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
      name: `selvedge advance ${this.#database.schema}`,
      values: [
        this.#consumer,
        this.#source,
        lanes.map((l) => l.lane),
        lanes.map((l) => l.n),
        lanes.map((l) => l.fence),
        ...positionValues(position),
      ],
    }
  }

  /** Drops positions that newer ones replaced; the last two stay, for whoever reads while they move. */
  trim(lanes: readonly HeldLane[]): Statement {
    return {
      text: `delete from ${this.#s}.position p using unnest($3::smallint[], $4::bigint[]) x(lane, n) where p.consumer = $1 and p.source = $2 and p.lane = x.lane and p.n < x.n - 1`,
      values: [this.#consumer, this.#source, lanes.map((l) => l.lane), lanes.map((l) => l.n)],
    }
  }

  /** The position that every lane has reached, whoever holds it: what the owner may forget. */
  async lowest(db: Queryable): Promise<Position | undefined> {
    const { rows } = await db.query<PositionRow>(
      `select p.* from ${this.#s}.lane l cross join lateral (
         select * from ${this.#s}.position p where p.consumer = l.consumer and p.source = l.source and p.lane = l.lane order by p.n desc limit 1) p
       where l.consumer = $1 and l.source = $2 order by p.epoch, p.tick limit 1`,
      [this.#consumer, this.#source],
    )
    return rows[0] ? positionOf(rows[0]) : undefined
  }

  /** Moves every lane on to `position`, whoever holds it: after a restart from a snapshot. Others lose their lanes by the compare-and-set. */
  async restartAt(db: Queryable, position: Position): Promise<void> {
    await db.query(
      `insert into ${this.#s}.position(consumer, source, lane, n, epoch, tick, previous, seq_hi, floor_seq, fence)
       select l.consumer, l.source, l.lane, p.n + 1, $3, $4, $5, $6, $7, l.fence from ${this.#s}.lane l cross join lateral (
         select n, epoch, tick from ${this.#s}.position p where p.consumer = l.consumer and p.source = l.source and p.lane = l.lane order by n desc limit 1) p
       where l.consumer = $1 and l.source = $2 and (p.epoch, p.tick) < ($3, $4)`,
      [
        this.#consumer,
        this.#source,
        position.epoch,
        position.previous.tick,
        position.previous.snapshot,
        position.previous.seqHi,
        position.previous.floorSeq,
      ],
    )
  }
}
