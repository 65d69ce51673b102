/**
 * Brings our tables of one database up to date.
 *
 * Migrations are numbered per folder and immutable: what was applied is compared by digest, so that an edited migration is
 * an error and not a silent difference between two servers. One advisory lock lets many processes start at once.
 */
import { createHash } from 'node:crypto'
import { defect } from '../base/error.ts'
import type { Database } from './database.ts'
import { quoteIdentifier, quoteSchema } from './identifier.ts'

export interface Migration {
  readonly number: number
  readonly name: string
  /** `schema` comes quoted. */
  sql(schema: string): string
}

/** The migrations of one source folder. */
export interface MigrationSet {
  readonly folder: string
  readonly migrations: readonly Migration[]
}

/** Serialises migrations of one database; any constant will do that nobody else uses. */
const migrationLock = 7_265_001

/**
 * Applies what is missing, in one transaction.
 *
 * @throws Defect `store/migration-changed` when an applied migration is not the one that this version of the library holds.
 */
export async function migrate(db: Database, sets: readonly MigrationSet[]): Promise<void> {
  const schema = quoteSchema(db.schema)
  if (await isUpToDate(db, sets)) return
  await db.transaction(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(${migrationLock})`)
    await tx.query(preamble(schema))
    const applied = await tx.query<{ folder: string; number: number; digest: string }>(
      `select folder, number, digest from ${schema}.migration`,
    )
    for (const set of sets)
      for (const migration of set.migrations) {
        const sql = migration.sql(schema)
        const before = applied.rows.find((row) => row.folder === set.folder && row.number === migration.number)
        if (before) assertUnchanged(before.digest, set.folder, migration)
        else {
          await tx.query(sql)
          await tx.query(`insert into ${schema}.migration(folder, number, name, digest) values ($1, $2, $3, $4)`, [
            set.folder,
            migration.number,
            migration.name,
            digestOf(migration),
          ])
        }
      }
  })
}

/** The SQL of all migrations, for people who migrate with other tools. */
export function printMigrations(schemaName: string, sets: readonly MigrationSet[]): string {
  const schema = quoteSchema(schemaName)
  const parts = sets.flatMap((set) =>
    set.migrations.map((migration) => {
      const record = `insert into ${schema}.migration(folder, number, name, digest) values ('${set.folder}', ${migration.number}, '${migration.name}', '${digestOf(migration)}');`
      return `-- ${set.folder} ${migration.number} ${migration.name}\n${migration.sql(schema).trim()}\n${record}\n`
    }),
  )
  return `begin;\n${preamble(schema)}\n${parts.join('\n')}commit;\n`
}

async function isUpToDate(db: Database, sets: readonly MigrationSet[]): Promise<boolean> {
  const schema = quoteIdentifier(db.schema)
  const exists = await db.query<{ there: boolean }>('select to_regclass($1) is not null as there', [
    `${schema}.migration`,
  ])
  if (!exists.rows[0]?.there) return false
  const { rows } = await db.query<{ folder: string; number: number; digest: string }>(
    `select folder, number, digest from ${schema}.migration`,
  )
  const applied = new Map(rows.map((row) => [`${row.folder} ${row.number}`, row.digest]))
  let complete = true
  for (const set of sets)
    for (const migration of set.migrations) {
      const digest = applied.get(`${set.folder} ${migration.number}`)
      if (digest === undefined) complete = false
      else assertUnchanged(digest, set.folder, migration)
    }
  return complete
}

function assertUnchanged(digest: string, folder: string, migration: Migration): void {
  if (digest === digestOf(migration)) return
  throw defect(
    'store/migration-changed',
    `Migration ${folder} ${migration.number} (${migration.name}) was applied in another form than this version holds.`,
    'Migrations are immutable: restore the released file, or start from an empty schema.',
    { folder, number: migration.number },
  )
}

/** Of the text for a fixed schema name, so that one migration has one digest whatever the schema is called. */
function digestOf(migration: Migration): string {
  return createHash('sha256').update(migration.sql('"selvedge"')).digest('hex').slice(0, 32)
}

const preamble = (schema: string): string => `
create schema if not exists ${schema};
create table if not exists ${schema}.migration(
  folder text not null, number int not null, name text not null, digest text not null, at timestamptz not null default clock_timestamp(),
  primary key (folder, number));
-- Every time in our SQL comes from here, so that a test can set it.
create or replace function ${schema}.now() returns timestamptz language sql volatile parallel safe as
  $$ select coalesce(nullif(current_setting('selvedge.now', true), '')::timestamptz, clock_timestamp()) $$;`
