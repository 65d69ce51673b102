/** What some tests need and a machine may lack. A lack is named; one that SELVEDGE_REQUIRE lists is a failure. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import pg from 'pg'
import { emptyTally, failure, type Tally } from './tally.ts'

/** Where Debian's `pg_ctlcluster … main start` listens, and what the tests use when nothing else is said. */
const defaultServerUrl = 'postgres://postgres@127.0.0.1:5432/postgres'

/** Enough for a server on this machine that answers at all. */
const connectMsMax = 3_000

/** A server that answers, or the sentence why there is none. */
export type ServerAnswer = { readonly url: string; readonly version: string } | { readonly lack: string }

/** The server of `SELVEDGE_TEST_URL`, else the one at 127.0.0.1:5432. */
export async function findServer(environment: NodeJS.ProcessEnv): Promise<ServerAnswer> {
  const given = environment.SELVEDGE_TEST_URL
  const url = given || defaultServerUrl
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: connectMsMax })
  // A server that stops after it answered is seen by the tests themselves.
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    return { url, version: rows[0]?.server_version ?? 'unknown' }
  } catch (error) {
    const reason = error instanceof Error ? error.message || error.name : String(error)
    const named = given ? 'the server of SELVEDGE_TEST_URL' : 'a PostgreSQL server at 127.0.0.1:5432'
    return { lack: `${named} does not answer (${reason})` }
  } finally {
    await client.end().catch(() => {})
  }
}

export function isInstalled(program: string, environment: NodeJS.ProcessEnv): boolean {
  // Debian keeps daemons in sbin, which is on the PATH of root only.
  const folders = [...(environment.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.some((folder) => folder !== '' && existsSync(join(folder, program)))
}

/** A named lack: a note on this machine, a failure where `SELVEDGE_REQUIRE` lists it. */
export function lacking(name: string, lack: string, environment: NodeJS.ProcessEnv): Tally {
  const required = (environment.SELVEDGE_REQUIRE ?? '').split(',').map((word) => word.trim())
  if (required.includes(name)) return failure(`${lack}, and SELVEDGE_REQUIRE asks for ${name}.`)
  return { ...emptyTally, notes: [`skipped: ${lack}`] }
}
