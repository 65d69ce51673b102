/** MariaDB databases of a test's own; tests that use them are skipped by name where no server answers. */
import { randomBytes } from 'node:crypto'
import mysql, { type Connection } from 'mysql2/promise'
import { afterAll, type test } from 'vitest'
import { testThatNeeds } from './needs.ts'

/** A server of MariaDB or MySQL whose user may make and drop databases. */
export const mariadbUrl = process.env.SELVEDGE_TEST_MARIADB_URL || 'mysql://root@127.0.0.1:3306'

/** Enough for a server on this machine that answers at all. */
const connectMsMax = 3_000

const version = await versionOf()
/** Whether the server is one of MySQL, which has fewer types than MariaDB and no sequences. */
export const isMysql = version !== undefined && !/mariadb/i.test(version)

/**
 * `test`, where a server answers.
 *
 * @example
 * testWithMariadb('a row is read as it is', async () => { const { url } = await freshMariadb() … })
 */
export const testWithMariadb: typeof test = testThatNeeds('mariadb', version !== undefined)

/** A database that nothing else uses. */
export interface FreshMariadb {
  /** The URL of a user that may do everything there. */
  readonly url: string
  readonly name: string
  /** Runs statements, several in one text if need be, and gives the rows of the last. */
  run(sql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>
  /** A connection of its own, closed at the end of the file. */
  connect(): Promise<Connection>
}

const open: Connection[] = []
const names: string[] = []
let admin: Promise<Connection> | undefined

afterAll(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.end().catch(() => connection.destroy())))
  if (admin === undefined) return
  const connection = await admin
  for (const name of names.splice(0)) await connection.query(`drop database if exists ${name}`)
  await connection.end()
  admin = undefined
})

/** Makes an empty database in utf8mb4 with a name of its own, gone with the test file. */
export async function freshMariadb(): Promise<FreshMariadb> {
  const name = `selvedge_test_${randomBytes(6).toString('hex')}`
  admin ??= mysql.createConnection({ uri: mariadbUrl })
  names.push(name)
  await (await admin).query(`create database ${name} character set utf8mb4`)
  const url = new URL(mariadbUrl)
  url.pathname = `/${name}`
  const connect = async () => {
    const connection = await mysql.createConnection({ uri: url.href, multipleStatements: true, charset: 'utf8mb4' })
    open.push(connection)
    if (isMysql) await connection.query(mysqlSession)
    return connection
  }
  let own: Promise<Connection> | undefined
  const run = async (sql: string, values: readonly unknown[] = []) => {
    own ??= connect()
    const [answer] = await (await own).query(portable(sql), [...values])
    const last = Array.isArray(answer) && Array.isArray(answer.at(-1)) ? answer.at(-1) : answer
    return (Array.isArray(last) ? last : []) as Record<string, unknown>[]
  }
  return { url: url.href, name, run, connect }
}

/** As strict as MariaDB is by itself, and with as many steps as a series of a test has. */
const mysqlSession = `set session sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
  session cte_max_recursion_depth = 10000000`

/** MariaDB's SQL as either server takes it: numbers from a sequence table, and tables that take another's place. */
export function portable(sql: string): string {
  if (!isMysql) return sql
  return sql
    .replace(/create or replace table (\w+)/gi, 'drop table if exists $1; create table $1')
    .replace(/\b(?:from|join) seq_(\d+)_to_(\d+)/gi, (text, from, to) => {
      const numbers = `select ${from} as seq union all select seq + 1 from numbers where seq < ${to}`
      return `${text.split(' ', 1)[0]} (with recursive numbers as (${numbers}) select seq from numbers) as seq_${from}_to_${to}`
    })
}

/** What the server calls itself; undefined where none answers. */
async function versionOf(): Promise<string | undefined> {
  try {
    const connection = await mysql.createConnection({ uri: mariadbUrl, connectTimeout: connectMsMax })
    const [rows] = await connection.query('select version() as version')
    await connection.end()
    return (rows as { version: string }[])[0]?.version
  } catch {
    return undefined
  }
}
