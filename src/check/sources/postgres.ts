/**
 * A PostgreSQL database that is only read. Each read is one REPEATABLE READ, READ ONLY transaction, so that rows and
 * positions come from one snapshot. All settings are local to it: behind a pooler in transaction mode a session's
 * setting (a read-only session, of all things) would be inherited by somebody else's application.
 */
import type { Clock } from '../../base/clock.ts'
import { isSelvedgeError, refused } from '../../base/error.ts'
import { canonicalSettings, recordProbeSql } from '../../digest/digest.ts'
import type { SourceDeclaration } from '../../invariant/invariant.ts'
import { type Database, errorCode, openDatabase, type Queryable, quoteLiteral } from '../../store/store.ts'

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
}

const settingsSql = `select ${Object.entries(settings)
  .map(([name, value]) => `set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, true)`)
  .join(', ')}`

/** A database as checks see it: it can be read, and it can say who it is. */
export interface Source {
  readonly name: string
  /** The service's name in logs and positions. */
  readonly service: string
  /** The schema of Selvedge's own tables, unquoted. */
  readonly schema: string
  /** Runs statements in one snapshot. */
  read<T>(work: (snapshot: Queryable) => Promise<T>): Promise<T>
  /** Equal for two servers that hash records alike. */
  hashProbe(): Promise<string>
  close(): Promise<void>
}

/**
 * Opens a source; nothing is connected until the first read.
 *
 * @throws refused `check/unreadable` from each read that the server refuses, naming the source and the reason, and
 *   `check/unreadable-encoding` from `hashProbe` of a database that is not in UTF8.
 */
export function openSource(name: string, declared: SourceDeclaration, clock: Clock | undefined): Source {
  const schema = declared.schema ?? 'selvedge'
  const options = {
    schema,
    max: connectionsMax,
    applicationName: 'selvedge check',
    ...(clock === undefined ? {} : { clock }),
  }
  const database = openDatabase(declared.url, options)
  let probe: Promise<string> | undefined
  const source: Source = {
    name,
    service: declared.service ?? name,
    schema,
    read: (work) => readIn(database, name, work),
    hashProbe: () => {
      probe ??= source.read((snapshot) => probeOf(name, snapshot))
      return probe
    },
    close: () => database.close(),
  }
  return source
}

async function readIn<T>(database: Database, name: string, work: (snapshot: Queryable) => Promise<T>): Promise<T> {
  try {
    return await database.transaction(
      (tx) => {
        tx.send(settingsSql)
        return work(tx)
      },
      { isolation: 'repeatable read', readOnly: true },
    )
  } catch (error) {
    if (isSelvedgeError(error, 'check/unreadable') || isSelvedgeError(error, 'check/unreadable-encoding')) throw error
    const code = errorCode(error)
    const message = `source "${name}": ${error instanceof Error ? error.message : String(error)}${code === undefined ? '' : ` (${code})`}`
    throw refused('check/unreadable', message, 'Grant SELECT to the role of the check, or correct the declaration.', {
      cause: error,
      source: name,
    })
  }
}

async function probeOf(name: string, snapshot: Queryable): Promise<string> {
  const { rows } = await snapshot.query<{ encoding: string }>(`select current_setting('server_encoding') as encoding`)
  const encoding = rows[0]?.encoding
  if (encoding !== 'UTF8') {
    const help = 'Rows are compared as UTF-8 text; check a copy of the database that is in UTF8.'
    throw refused('check/unreadable-encoding', `The database of source "${name}" is in ${encoding}.`, help, {
      source: name,
      encoding,
    })
  }
  const answer = await snapshot.query<{ probe: string }>(recordProbeSql)
  return answer.rows[0]?.probe ?? ''
}
