/** A database of a test's own, made in about 20 ms and gone with the test file. */
import { randomBytes } from 'node:crypto'
import { afterAll, inject } from 'vitest'
import type { Database } from '../../src/store/database.ts'
import { type OpenOptions, openDatabase } from '../../src/store/postgres.ts'
import { databaseUrl } from '../../src/store/server.ts'

/** A database that nothing else uses. */
export interface FreshDatabase {
  /** The superuser's URL, for plain `pg` or another process. */
  readonly url: string
  readonly name: string
  /** Opens it; what is open is closed by `drop`. */
  connect(options?: OpenOptions): Promise<Database>
  /** Closes what was opened here, ends all other sessions, and removes the database. Happens at the end of the file anyway. */
  drop(): Promise<void>
}

const databases = new Set<FreshDatabase>()
let admin: Database | undefined

afterAll(async () => {
  // One after the other: a server that syncs takes a second for each, and the pool lets nobody wait for longer than ten.
  for (const database of [...databases]) await database.drop()
  await admin?.close()
  admin = undefined
})

/** The server of the run: its superuser's URL. */
export function serverUrl(): string {
  return inject('testServer').url
}

/** Whether the server is embedded, given, or from PATH. */
export function serverKind(): string {
  return inject('testServer').kind
}

/**
 * Makes an empty database with a name of its own.
 *
 * @example
 * const { connect } = await freshDatabase()
 * const db = await connect()
 */
export async function freshDatabase(): Promise<FreshDatabase> {
  const name = `selvedge_test_${randomBytes(6).toString('hex')}`
  admin ??= openDatabase(serverUrl(), { max: 1 })
  await createDatabase(admin, name)
  const database = new TestDatabase(name, admin)
  databases.add(database)
  return database
}

class TestDatabase implements FreshDatabase {
  readonly url: string
  readonly name: string
  readonly #admin: Database
  readonly #open: Database[] = []
  #dropping: Promise<void> | undefined

  constructor(name: string, admin: Database) {
    this.url = databaseUrl(serverUrl(), name)
    this.name = name
    this.#admin = admin
  }

  connect = async (options: OpenOptions = {}): Promise<Database> => {
    const database = openDatabase(this.url, options)
    this.#open.push(database)
    return database
  }

  drop = (): Promise<void> => {
    this.#dropping ??= this.#drop()
    return this.#dropping
  }

  async #drop(): Promise<void> {
    databases.delete(this)
    await Promise.all(this.#open.map((database) => database.close()))
    await this.#admin.query(`drop database if exists ${this.name} with (force)`)
  }
}

/** Copying files beats logging them by a factor of two, from 15 on. A template is busy while another test copies it. */
async function createDatabase(db: Database, name: string): Promise<void> {
  const { rows } = await db.query<{ major: number }>(
    "select current_setting('server_version_num')::int / 10000 as major",
  )
  const strategy = (rows[0]?.major ?? 0) >= 15 ? ' strategy file_copy' : ''
  await db.query(`create database ${name} template template0${strategy}`)
}
