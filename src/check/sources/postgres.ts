/**
 * A PostgreSQL database that is only read. Each read is one REPEATABLE READ, READ ONLY transaction, so that rows and
 * positions come from one snapshot. All settings are local to it: behind a pooler in transaction mode a session's
 * setting (a read-only session, of all things) would be inherited by somebody else's application.
 */
import type { Clock } from '../../base/clock.ts'
import { handOver } from '../../base/hand-over.ts'
import { canonicalSettings, recordProbeSql } from '../../digest/digest.ts'
import type { Side, SourceDeclaration } from '../../invariant/invariant.ts'
import { type Database, openDatabase, type Queryable, quoteLiteral } from '../../store/store.ts'
import { gaugeOf } from './busy-gauge.ts'
import { type DatedRow, describePostgres, peekPostgres, tracksCommits } from './postgres-side.ts'
import { encodingOf, type ReadPlace, unreadableEncoding, unreadablePostgres } from './postgres-unreadable.ts'
import type { Source } from './source.ts'

/** A statement that takes longer would keep a snapshot, and with it the dead rows of the whole server, for too long. */
const statementTimeout = '300s'
/** Two reads at a time for each side of an invariant, and one to spare. */
const connectionsMax = 3

const settings: Readonly<Record<string, string>> = {
  ...canonicalSettings,
  statement_timeout: statementTimeout,
  idle_in_transaction_session_timeout: '60s',
  // A policy that hid rows would make the check skip them in silence; with this the server refuses instead.
  row_security: 'off',
  // Compiling costs more than it saves on one scan.
  jit: 'off',
  // Both sides are read at once; workers beside that cost a third on two cores, and a production server its users.
  max_parallel_workers_per_gather: '0',
}

const settingsSql = `select ${Object.entries(settings)
  .map(([name, value]) => `set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, true)`)
  .join(', ')}`

/** A PostgreSQL database as checks see it: beside what any source can do it takes SQL, for positions and for `explain`. */
export interface PostgresSource extends Source {
  readonly engine: 'postgres'
  /** Runs statements in one snapshot. */
  read<T>(work: (snapshot: Queryable) => Promise<T>): Promise<T>
  /** The rows of one statement, `rowsPerPage` at a time, in one snapshot. */
  pages<R>(rowsPerPage: number, sql: string): AsyncIterable<R[]>
  /** Equal for two servers that hash records alike. */
  recordProbe(): Promise<string>
  /** The same as `peek`, with the moment of each row's commit where the server keeps it. */
  peekDated(side: Side, key: readonly string[], most: number): Promise<readonly DatedRow[]>
  /** Whether the server keeps when transactions committed. */
  tracksCommits(): Promise<boolean>
}

/** Whether a source takes PostgreSQL's SQL. */
export function isPostgres(source: Source): source is PostgresSource {
  return source.engine === 'postgres'
}

/**
 * Opens a source; nothing is connected until the first read.
 *
 * @throws refused `check/unreadable` from each read that the server refuses, naming the source and the reason, and
 *   `check/unreadable-encoding` from `recordProbe` of a database that is not in UTF8, and from `describe` of text in none.
 */
export function openPostgres(name: string, declared: SourceDeclaration, clock: Clock | undefined): PostgresSource {
  const schema = declared.schema ?? 'selvedge'
  const options = {
    schema,
    max: connectionsMax,
    applicationName: 'selvedge check',
    ...(clock === undefined ? {} : { clock }),
  }
  const database = openDatabase(declared.url, options)
  const read: PostgresSource['read'] = (work) => readIn(database, { name, url: declared.url }, work)
  const busy = busyGauge(read)
  let probe: Promise<string> | undefined
  const source: PostgresSource = {
    name,
    engine: 'postgres',
    service: declared.service ?? name,
    schema,
    read,
    pages: (rowsPerPage, sql) => pagesOf(read, rowsPerPage, sql),
    describe: (side, columns) => describePostgres(source, side, columns),
    peek: async (side, key, most) => (await peekPostgres(source, side, key, most)).map(({ row }) => row),
    peekDated: (side, key, most) => peekPostgres(source, side, key, most),
    tracksCommits: () => read(tracksCommits),
    recordProbe: () => {
      probe ??= read((snapshot) => probeOf(name, snapshot))
      return probe
    },
    isBusy: busy,
    close: () => database.close(),
  }
  return source
}

function pagesOf<R>(read: PostgresSource['read'], rowsPerPage: number, sql: string): AsyncIterable<R[]> {
  return handOver<R[]>((give) =>
    read(async (snapshot) => {
      await snapshot.query(`declare selvedge_rows no scroll cursor for ${sql}`)
      const fetch = (rows: number) => {
        const page = snapshot.query<R>(`fetch ${rows} from selvedge_rows`)
        // A page that was asked for ahead may fail before anybody waits for it.
        page.catch(() => undefined)
        return page
      }
      // The first row tells how wide rows are: a page of rows of megabytes would be gigabytes.
      let asked = 1
      for (let page = fetch(asked); ; ) {
        const { rows } = await page
        const isLast = rows.length < asked
        const width = widthOf(rows.at(-1))
        asked = Math.max(1, Math.min(rowsPerPage, Math.floor(charactersPerPage / width)))
        const isNarrow = asked * width <= charactersAhead
        if (!isLast && isNarrow) page = fetch(asked)
        if (rows.length > 0 && !(await give(rows))) return
        if (isLast) return
        if (!isNarrow) page = fetch(asked)
      }
    }),
  )
}

/** What a page may hold, judged by its last row. */
const charactersPerPage = 8 * 1024 * 1024
/** While a page up to this size is read here the server makes the next one; larger ones would be held twice. */
const charactersAhead = 1024 * 1024

function widthOf(row: unknown): number {
  const values = Object.values(row ?? {}) as unknown[]
  return values.reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 1), 1)
}

/** Reads of this process, which are commits too. Both sides are often on one server, so all of them are taken together. */
let ownReads = 0

/**
 * Counts commits of all databases but our own, and transactions that write: sessions report commits a second late, but transaction
 * numbers are known at once. Every role may see both.
 */
function busyGauge(read: PostgresSource['read']): () => Promise<boolean> {
  return gaugeOf(async () => {
    const { rows } = await read((snapshot) =>
      snapshot.query<Record<'commits' | 'writes' | 'seconds', number>>(
        `select sum(xact_commit + xact_rollback)::float8 as commits, pg_snapshot_xmax(pg_current_snapshot())::text::float8 as writes,
           extract(epoch from clock_timestamp())::float8 as seconds from pg_stat_database`,
      ),
    )
    const { commits = 0, writes = 0, seconds = 0 } = rows[0] ?? {}
    return { prompt: [writes], late: [commits - ownReads], seconds }
  })
}

async function readIn<T>(database: Database, place: ReadPlace, work: (snapshot: Queryable) => Promise<T>): Promise<T> {
  ownReads += 1
  try {
    return await database.transaction(
      (tx) => {
        tx.send(settingsSql)
        return work(tx)
      },
      { isolation: 'repeatable read', readOnly: true },
    )
  } catch (error) {
    throw await unreadablePostgres(place, error)
  }
}

async function probeOf(name: string, snapshot: Queryable): Promise<string> {
  const encoding = await encodingOf(snapshot)
  if (encoding !== 'UTF8') throw unreadableEncoding(name, encoding)
  const answer = await snapshot.query<{ probe: string }>(recordProbeSql)
  return answer.rows[0]?.probe ?? ''
}
