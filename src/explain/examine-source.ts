/** What the doctor asks one database: rights, migrations, ticks, lag, what waits, what was written in silence. */
import { formatDuration, milliseconds } from '../base/base.ts'
import type { PostgresSource } from '../check/sources/postgres.ts'
import { inboxMigrations } from '../inbox/migrations.ts'
import type { Config } from '../invariant/invariant.ts'
import { captureMigrations } from '../log/capture.ts'
import { logMigrations } from '../log/migrations.ts'
import { quoteIdentifier, sqlTable } from '../store/store.ts'
import { countOf, type Examined, type Symptom } from './symptom.ts'

const everyMigration = [logMigrations, captureMigrations, inboxMigrations]

/** Whether the tables that the declarations name are there and may be read by this role. */
export async function examineGrants(source: PostgresSource, config: Config): Promise<Examined> {
  const sides = config.invariants.flatMap(({ relation }) => [...relation.sides])
  const tables = new Set(
    sides.flatMap(({ source: name, rows }) => (name === source.name && rows.kind === 'table' ? [rows.table] : [])),
  )
  if (tables.size === 0) return { symptoms: [], notes: [] }
  const names = [...tables]
  const { rows } = await source.read((snapshot) =>
    snapshot.query<{ name: string; there: boolean; may: boolean | null; role: string }>(
      `select t.name, to_regclass(t.quoted) is not null as there, has_table_privilege(to_regclass(t.quoted), 'select') as may, current_user as role
       from unnest($1::text[], $2::text[]) as t(name, quoted)`,
      [names, names.map(sqlTable)],
    ),
  )
  const symptoms = rows.flatMap(({ name, there, may, role }): Symptom[] => {
    if (there && may) return []
    if (!there)
      return [
        {
          source: source.name,
          code: 'doctor/no-table',
          message: `There is no table ${name} in ${source.name}, or this role cannot see its schema.`,
          help: 'Correct the declaration, or grant usage on the schema.',
        },
      ]
    return [
      {
        source: source.name,
        code: 'doctor/no-grant',
        message: `The role ${role} may not read ${name} in ${source.name}: what depends on it is not checked.`,
        help: `Run there: grant select on ${sqlTable(name)} to ${quoteIdentifier(role)}`,
      },
    ]
  })
  return { symptoms, notes: [] }
}

/** Whether our tables are as this version of the library needs them. */
export async function examineSchema(source: PostgresSource): Promise<Examined> {
  const s = quoteIdentifier(source.schema)
  const { rows } = await source.read((snapshot) =>
    snapshot.query<{ folder: string; number: number }>(`select folder, number from ${s}.migration`),
  )
  const applied = new Set(rows.map(({ folder, number }) => `${folder} ${number}`))
  const missing = everyMigration.flatMap(({ folder, migrations }) =>
    migrations.flatMap(({ number }) => (applied.has(`${folder} ${number}`) ? [] : [`${folder} ${number}`])),
  )
  if (missing.length === 0) return { symptoms: [], notes: [`${countOf(applied.size, 'migration')} applied`] }
  const message = `The schema ${source.schema} in ${source.name} lacks ${countOf(missing.length, 'migration')}: ${missing.join(', ')}.`
  const help = `Start the service with this version once, or print the SQL: selvedge migrate --print-sql --schema ${source.schema}`
  return { symptoms: [{ source: source.name, code: 'doctor/migrations', message, help }], notes: [] }
}

interface ConsumerRow {
  readonly name: string
  readonly service: string
  readonly state: string
  readonly behind: string
  readonly behind_ms: string | null
}

interface TickRow {
  readonly age_ms: string
  readonly unticked_ms: string | null
}

/** How old the newest tick is, and how far each consumer is behind it. */
export async function examineLog(source: PostgresSource, behindMs: number): Promise<Examined> {
  const s = quoteIdentifier(source.schema)
  return source.read(async (snapshot) => {
    const ticks = await snapshot.query<TickRow>(
      `select (extract(epoch from clock_timestamp() - t.at) * 1000)::bigint as age_ms,
         (select (extract(epoch from clock_timestamp() - min(l.at)) * 1000)::bigint from ${s}.log l where l.seq > t.seq_hi) as unticked_ms
       from ${s}.tick t order by t.id desc limit 1`,
    )
    const consumers = await snapshot.query<ConsumerRow>(
      `select c.name, c.service, c.state, count(l.seq) as behind, (extract(epoch from clock_timestamp() - min(l.at)) * 1000)::bigint as behind_ms
       from ${s}.consumer c left join ${s}.log l on l.seq > c.floor_seq and not pg_visible_in_snapshot(l.xid, c.snapshot)
       group by c.name, c.service, c.state order by c.name`,
    )
    const tick = tickExamined(source, ticks.rows[0], behindMs)
    const lags = consumers.rows.map((row) => consumerExamined(source, row, behindMs))
    return {
      symptoms: [tick, ...lags].flatMap((one) => one.symptoms),
      notes: [tick, ...lags].flatMap((one) => one.notes),
    }
  })
}

function tickExamined(source: PostgresSource, tick: TickRow | undefined, behindMs: number): Examined {
  if (tick === undefined) return { symptoms: [], notes: ['the log has no tick yet'] }
  const notes = [`newest tick ${formatDuration(milliseconds(Math.max(0, Number(tick.age_ms))))} old`]
  const unticked = Number(tick.unticked_ms ?? 0)
  if (unticked < behindMs) return { symptoms: [], notes }
  const message = `The log of ${source.name} has events that are ${formatDuration(milliseconds(unticked))} old and in no tick: nobody reads them.`
  const help = 'The ticker runs in the service: start it, and look for its errors.'
  return { symptoms: [{ source: source.name, code: 'doctor/ticker-silent', message, help }], notes }
}

function consumerExamined(source: PostgresSource, row: ConsumerRow, behindMs: number): Examined {
  const events = Number(row.behind)
  const late = milliseconds(Math.max(0, Number(row.behind_ms ?? 0)))
  const lag = events === 0 ? 'up to date' : `${countOf(events, 'event')} behind, the oldest ${formatDuration(late)} old`
  const notes = [`consumer ${row.name} of ${row.service}: ${lag}`]
  if (row.state === 'needs_snapshot')
    return {
      notes,
      symptoms: [
        {
          source: source.name,
          code: 'doctor/needs-snapshot',
          message: `The consumer ${row.name} of ${row.service} can no longer be brought up to date by events of ${source.name}.`,
          help: 'A replica starts from a snapshot by itself when its service runs; a plain handler needs `fromSnapshot`, or a person who decides.',
        },
      ],
    }
  if (late.milliseconds < behindMs) return { symptoms: [], notes }
  const message = `The consumer ${row.name} of ${row.service} is ${lag}.`
  const help = `See that ${row.service} runs, and what waits: selvedge parked`
  return { symptoms: [{ source: source.name, code: 'doctor/lag', message, help }], notes }
}

/** Streams that wait. */
export async function examineParked(source: PostgresSource): Promise<Examined> {
  const s = quoteIdentifier(source.schema)
  const { rows } = await source.read((snapshot) =>
    snapshot.query<{ consumer: string; streams: string; first: string; error: string | null }>(
      `select consumer, count(*) as streams, min(stream) as first, min(error->>'message') as error
       from ${s}.parked_stream where state = 'parked' group by consumer order by consumer`,
    ),
  )
  const symptoms = rows.map(({ consumer, streams, first, error }) => ({
    source: source.name,
    code: 'doctor/parked',
    message: `${countOf(Number(streams), 'stream')} of consumer ${consumer} wait in ${source.name}, ${first} among them${error === null ? '' : `: ${error}`}.`,
    help: `Mend the cause, then: selvedge retry ${consumer} ${first} (or: selvedge release ${consumer})`,
  }))
  return { symptoms, notes: [] }
}

/** Writes of owned rows that published nothing. */
export async function examineSilentWrites(source: PostgresSource): Promise<Examined> {
  const s = quoteIdentifier(source.schema)
  const { rows } = await source.read((snapshot) =>
    snapshot.query<{ table: string; entity: string; writes: string; first: string }>(
      `select c."table", t.entity, count(*) as writes, min(c.key) as first from ${s}.capture c join ${s}.captured_table t using ("table")
       where not exists (select from ${s}.log l where l.xid = c.xid and l.stream = (t.entity || '/' || c.key) collate "C")
       group by c."table", t.entity order by c."table"`,
    ),
  )
  const symptoms = rows.map(({ table, entity, writes, first }) => ({
    source: source.name,
    code: 'doctor/silent-writes',
    message: `${countOf(Number(writes), 'write')} of ${table} in ${source.name} published no event, that of ${first} among them: no copy knows of them.`,
    help: `Publish in the transaction that writes; see: selvedge explain ${entity} ${first}`,
  }))
  return { symptoms, notes: [] }
}
