/**
 * The event log of all data changes, opt-in: a trigger per owned table writes down (transaction, table, key), so that an owner's
 * write without an event is itself a finding.
 *
 * The trigger fires once per statement and reads the changed keys from its transition tables: a bulk update of a million rows costs
 * one insert of a million keys, not a million triggers.
 */
import type { Database, Queryable } from '../store/database.ts'
import { quoteIdentifier, quoteLiteral, sqlTable } from '../store/identifier.ts'
import type { MigrationSet } from '../store/migrate.ts'

/** A write of an owned table whose transaction published nothing about it. */
export interface SilentWrite {
  readonly table: string
  readonly key: string
  readonly operation: 'insert' | 'update' | 'delete'
  readonly at: Date
}

const captureSql = (s: string): string => `
create table ${s}.capture(
  xid xid8 not null, "table" text not null, key text not null, operation text not null, at timestamptz not null default ${s}.now());
create index capture_xid on ${s}.capture(xid);
create index capture_key on ${s}.capture("table", key);
create table ${s}.captured_table("table" text primary key, entity text not null, key text not null);
`

export const captureMigrations: MigrationSet = {
  folder: 'capture',
  migrations: [{ number: 1, name: 'capture', sql: captureSql }],
}

/**
 * Starts to capture the writes of an owned table; `key` is the column that names a row in the stream \`Entity/key\`.
 *
 * @throws Refused `store/bad-identifier` for a name that PostgreSQL cannot hold.
 */
export async function capture(
  db: Database,
  owned: { readonly table: string; readonly key: string; readonly entity: string },
): Promise<void> {
  const s = quoteIdentifier(db.schema)
  const table = sqlTable(owned.table)
  const key = quoteIdentifier(owned.key)
  const name = quoteLiteral(owned.table)
  await db.transaction(async (tx) => {
    await tx.query(
      `insert into ${s}.captured_table("table", entity, key) values ($1, $2, $3) on conflict ("table") do update set entity = excluded.entity, key = excluded.key`,
      [owned.table, owned.entity, owned.key],
    )
    for (const [operation, rows] of Object.entries(transitions)) {
      const trigger = quoteIdentifier(`selvedge_capture_${operation}`)
      const body = `begin insert into ${s}.capture(xid, "table", key, operation) select pg_current_xact_id(), ${name}, r.${key}::text, '${operation}' from changed r; return null; end`
      const routine = `${s}.${quoteIdentifier(`capture ${operation} ${owned.table}`.slice(0, 60))}`
      await tx.query(
        `create or replace function ${routine}() returns trigger language plpgsql as $selvedge$ ${body} $selvedge$`,
      )
      await tx.query(`drop trigger if exists ${trigger} on ${table}`)
      await tx.query(
        `create trigger ${trigger} after ${operation} on ${table} referencing ${rows} table as changed for each statement execute function ${routine}()`,
      )
    }
  })
}

const transitions = { insert: 'new', update: 'new', delete: 'old' } as const

/** Answers at most this many silent writes; more of them are one bug, not many findings. */
const silentWritesMax = 10_000

/**
 * Captured writes whose transaction published no event of that row's stream, oldest first. Writes whose events retention may have
 * dropped are not judged: a transaction that began after a tick drew its numbers after that tick's.
 */
export async function silentWrites(db: Database): Promise<readonly SilentWrite[]> {
  const s = quoteIdentifier(db.schema)
  const { rows } = await db.query<SilentWrite>(
    `select c."table", c.key, c.operation, c.at from ${s}.capture c join ${s}.captured_table t using ("table")
     cross join ${s}.retained r
     where ${isJudged(s)} and not ${hasEvent(s)} order by c.at, c.key limit ${silentWritesMax}`,
  )
  return rows
}

/** A row that was written without an event, and of which no event has told since. */
export interface UntoldRow {
  readonly key: string
  readonly writes: number
  readonly operation: SilentWrite['operation']
  readonly at: Date
}

/**
 * Rows of one table whose silent writes nothing has told of since, by key: a later event of the row's stream speaks of
 * what the write left. Undefined when the table is not captured. `keys` are the only ones asked about, when given.
 */
export async function untoldRows(
  db: Queryable,
  schema: string,
  asked: { readonly table: string; readonly keys?: readonly string[]; readonly most: number },
): Promise<readonly UntoldRow[] | undefined> {
  const s = quoteIdentifier(schema)
  const captured = await db.query(`select from ${s}.captured_table where "table" = $1`, [asked.table])
  if (captured.rowCount === 0) return undefined
  const { rows } = await db.query<UntoldRow>(
    `select c.key, count(*)::int as writes, max(c.at) as at, (array_agg(c.operation order by c.xid desc))[1] as operation
     from ${s}.capture c join ${s}.captured_table t using ("table") cross join ${s}.retained r
     where c."table" = $1 and ($2::text[] is null or c.key = any($2)) and ${isJudged(s)} and not ${hasEvent(s, '>=')}
     group by c.key order by c.key limit $3`,
    [asked.table, asked.keys ?? null, asked.most],
  )
  return rows
}

/** One round deletes at most this many rows, so that it stays short beside writers; the next follows in ten seconds. */
const trimmedRowsMax = 10_000

/**
 * Deletes what no question is left about: captured writes that may be judged no more, and those that have their event and are older
 * than `keepMs`. A silent write stays as long as it is a finding. Resolves with the number of rows; nothing happens where nothing is captured.
 */
export async function trimCapture(db: Database, keepMs: number): Promise<number> {
  const s = quoteIdentifier(db.schema)
  const { rows } = await db.query<{ there: boolean }>('select to_regclass($1) is not null as there', [`${s}.capture`])
  if (!rows[0]?.there) return 0
  const { rowCount } = await db.query(
    `delete from ${s}.capture where ctid = any(array(
       select c.ctid from ${s}.capture c left join ${s}.captured_table t using ("table") cross join ${s}.retained r
       where not ${isJudged(s)} or (c.at < ${s}.now() - $1 * interval '1 millisecond' and ${hasEvent(s)})
       order by c.xid limit ${trimmedRowsMax}))`,
    [keepMs],
  )
  return rowCount
}

/** Whether retention has left all that a captured write `c` may have published; `r` is what is retained. */
const isJudged = (s: string): string =>
  `(r.from_seq = 1 or c.xid > (select k.xid from ${s}.tick k where k.seq_lo >= r.from_seq - 1 order by k.xid limit 1))`

/**
 * Whether the transaction of a captured write `c`, or with `>=` one of a later number, published an event of the row's
 * stream; `t` is its captured table.
 */
const hasEvent = (s: string, compared: '=' | '>=' = '='): string =>
  `exists (select from ${s}.log l where l.xid ${compared} c.xid and l.stream = (t.entity || '/' || c.key) collate "C")`
