/**
 * The slow work of a log, about every ten seconds: partitions ahead, consumers that fell too far behind, partitions that all have
 * read and the policy no longer keeps, captured writes that have their event, ticks that nobody stands on, and the room of dead rows.
 */
import type { Database } from '../store/database.ts'
import { errorCode } from '../store/explain-error.ts'
import { quoteIdentifier } from '../store/identifier.ts'
import { trimCapture } from './capture.ts'
import { vacuumSmallTables } from './vacuum.ts'

/** How long a log is kept. */
export interface Retention {
  /** Events younger than this stay even when all have read them. */
  readonly keepMs?: number
  /** A consumer silent for longer is told that it needs a snapshot, so that it cannot fill the owner's disk. */
  readonly lagMsMax?: number
}

/** Ten seconds is short against a partition's life and costs eight small reads a round. */
const upkeepEveryMs = 10_000
const dayMs = 86_400_000
/** A week of history explains most findings; a month of silence means that nobody misses the consumer. */
const keepMsDefault = 7 * dayMs
const lagMsMaxDefault = 30 * dayMs
/** DROP waits for readers of the partition; a short wait, tried again later, never blocks publishers behind it. */
const lockTimeoutMs = 200

/** One round; resolves with the milliseconds until the next. */
export async function upkeepLog(db: Database, retention: Retention = {}): Promise<number> {
  const s = quoteIdentifier(db.schema)
  if (await needsPartition(db, s)) await db.query(`select ${s}.extend_log()`)
  await expireConsumers(db, retention.lagMsMax ?? lagMsMaxDefault)
  await thinTicks(db)
  const keepMs = retention.keepMs ?? keepMsDefault
  await dropReadPartitions(db, keepMs)
  await trimCapture(db, keepMs)
  await vacuumSmallTables(db)
  return upkeepEveryMs
}

async function needsPartition(db: Database, s: string): Promise<boolean> {
  const { rows } = await db.query<{ needs: boolean }>(
    `select to_regclass(format('%s.%I', $1::text, 'log_' || (l.last_value / ${s}.partition_rows() + 2))) is null as needs from ${s}.log_seq l`,
    [s],
  )
  return rows[0]?.needs === true
}

/** Marks consumers whose position is older than the greatest lag; they start again from a snapshot. Resolves with their names. */
export async function expireConsumers(db: Database, lagMsMax: number): Promise<readonly string[]> {
  const s = quoteIdentifier(db.schema)
  const late = await db.query<{ name: string }>(
    `select c.name from ${s}.consumer c where c.state = 'live' and
       (select l.at from ${s}.log l where l.seq > c.floor_seq and not pg_visible_in_snapshot(l.xid, c.snapshot) order by l.seq limit 1) < ${s}.now() - $1 * interval '1 millisecond'`,
    [lagMsMax],
  )
  if (late.rows.length === 0) return []
  const names = late.rows.map((row) => row.name)
  await db.query(`update ${s}.consumer set state = 'needs_snapshot' where name = any($1)`, [names])
  return names
}

/** Drops whole partitions below what every live consumer has done and older than the policy. Resolves with their names. */
export async function dropReadPartitions(db: Database, keepMs: number): Promise<readonly string[]> {
  const s = quoteIdentifier(db.schema)
  const { rows } = await db.query<{ name: string; upper: string }>(
    `with p as (
       select c.oid, c.relname as name, (substring(c.relname from 5)::bigint + 1) * ${s}.partition_rows() as upper
       from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = '${s.replaceAll("'", "''")}.log'::regclass)
     select name, upper from p where upper <= ${readByAll(s)} order by upper`,
  )
  const dropped: string[] = []
  for (const { name, upper } of rows) {
    const partition = `${s}.${quoteIdentifier(name)}`
    const young = await db.query(
      `select from ${partition} where at > ${s}.now() - $1 * interval '1 millisecond' limit 1`,
      [keepMs],
    )
    if (young.rowCount > 0 || !(await dropPartition(db, partition, upper))) break
    dropped.push(name)
  }
  return dropped
}

/** The sequence number up to which every live consumer has done everything, and no open transaction may still write. */
const readByAll = (s: string): string => `least(
  (select coalesce(min(floor_seq), 9223372036854775807) from ${s}.consumer where state = 'live'),
  (select floor_seq from ${s}.tick order by id desc limit 1))`

/**
 * False when readers or a registration stood in the way: the next round tries again. Under the lock no consumer can register from
 * the beginning between the look and the drop, and believe that it was told everything.
 */
async function dropPartition(db: Database, partition: string, upper: string): Promise<boolean> {
  const s = quoteIdentifier(db.schema)
  try {
    return await db.transaction(async (tx) => {
      await tx.query(`set local lock_timeout = ${lockTimeoutMs}`)
      await tx.query(`lock table ${s}.consumer in share row exclusive mode`)
      const { rows } = await tx.query<{ still: boolean }>(`select $1::bigint <= ${readByAll(s)} as still`, [upper])
      if (!rows[0]?.still) return false
      await tx.query(`drop table ${partition}`)
      await tx.query(`update ${s}.retained set from_seq = greatest(from_seq, $1)`, [upper])
      return true
    })
  } catch (error) {
    if (errorCode(error) === '55P03') return false
    throw error
  }
}

/** Ticks below every live consumer's are only history, and all but the newest are when nobody reads. */
async function thinTicks(db: Database): Promise<void> {
  const s = quoteIdentifier(db.schema)
  const { rows } = await db.query<{ below: string | null; oldest: string | null }>(
    `select coalesce((select min(tick) from ${s}.consumer where state = 'live'), (select max(id) from ${s}.tick)) as below, (select min(id) from ${s}.tick) as oldest`,
  )
  const below = Number(rows[0]?.below ?? 0)
  if (below - Number(rows[0]?.oldest ?? 0) < ticksKept) return
  await db.query(`delete from ${s}.tick where id < $1`, [below - ticksKept / 2])
}

/** Ticks kept below the slowest consumer: the floor of a new tick is looked up among them. */
const ticksKept = 20_000
