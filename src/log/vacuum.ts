/**
 * Gives back the room of dead rows in our tables of few live rows.
 *
 * A snapshot that somebody holds keeps every replaced head, deleted position and thinned tick alive. When it is released they are
 * dead at once, but the server's own vacuum comes round a database once a minute at best, or never where it is turned off, and reads
 * of the newest rows go through the dead ones until then.
 */
import type { Database } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'

/** Tables whose rows are replaced; the log itself is only ever added to. */
const tables = ['head', 'position', 'lane', 'instance', 'tick', 'consumer']
/** About thirty pages of dead rows, which a read of a few live ones may have to pass. */
const deadRowsMost = 2_000
/** A table of many live rows may hold as many dead ones for each live one as the server's own vacuum lets it. */
const deadShareMost = 0.2
/** A larger table is left to the server, which paces itself: one pass over 64 MiB takes about a tenth of a second. */
const bytesMost = 64 * 1024 * 1024

/** One look, and a vacuum of what needs one. Resolves with the tables' names; while a snapshot is held it finds nothing to free. */
export async function vacuumSmallTables(db: Database): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string }>(
    `select relname as name from pg_stat_user_tables
     where schemaname = $1 and relname = any($2) and n_dead_tup > greatest($3::float8, n_live_tup * $4::float8) and pg_relation_size(relid) <= $5`,
    [db.schema, tables, deadRowsMost, deadShareMost, bytesMost],
  )
  for (const { name } of rows)
    await db.query(`vacuum (skip_locked) ${quoteIdentifier(db.schema)}.${quoteIdentifier(name)}`)
  return rows.map((row) => row.name)
}
