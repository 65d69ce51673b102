/**
 * One database and one role per service on one server, as the demo and the simulator need them.
 *
 * On a server of our own they vanish with it. On a given server they carry the run's random name, are dropped at the end
 * by a janitor process that outlives even a killed parent, and where that is killed too they are swept by the next run:
 *
 *     selvedge_demo_1f3a90c2_user      a run is alive while the janitor's advisory lock or any session of the run exists
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { assert, refused, transient } from '../base/error.ts'
import type { Database } from './database.ts'
import { errorCode } from './explain-error.ts'
import { quoteIdentifier, quoteLiteral } from './identifier.ts'
import { openDatabase } from './postgres.ts'
import { databaseUrl, type Server } from './server.ts'

/** How the databases are named and what becomes of them. */
export interface ServiceDatabasesOptions {
  /** The first part of every name; lower case letters, digits and `_`. */
  readonly prefix?: string
  /** Leaves them at the end, and finds them again under the same names at the next start. */
  readonly isKept?: boolean
}

/** A service's own database, owned by its own role. */
export interface ServiceDatabase {
  /** The URL of the service's role, which owns the database and nothing else. */
  readonly url: string
  /** The name of the database and of its role. */
  readonly name: string
}

/** The databases of one run. */
export interface ServiceDatabases {
  /** Makes the database and the role of a service, or finds them if they are kept. */
  create(service: string): Promise<ServiceDatabase>
  /**
   * Removes all of them, unless they are kept or the server is about to vanish anyway. Sessions are ended.
   *
   * @throws Transient `store/left-behind` when the given server could not be reached: the next run sweeps.
   */
  stop(): Promise<void>
}

/** Leaves room for a service's name within the 63 bytes of a PostgreSQL name. */
const prefixPattern = /^[a-z][a-z0-9_]{0,19}$/
const servicePattern = /^[a-z][a-z0-9_]{0,29}$/

/**
 * Prepares one database and role per service.
 *
 * @throws Refused `store/no-rights` when the given URL's user may not create databases and roles.
 * @example
 * const databases = await serviceDatabases(server)
 * const user = openDatabase((await databases.create('user')).url)
 */
export async function serviceDatabases(
  server: Server,
  options: ServiceDatabasesOptions = {},
): Promise<ServiceDatabases> {
  const prefix = options.prefix ?? 'selvedge_demo'
  assert(
    prefixPattern.test(prefix),
    `A prefix is at most 20 lower case letters, digits and underscores, unlike "${prefix}".`,
  )
  const isShared = server.kind === 'given' && options.isKept !== true
  const run = randomBytes(4).toString('hex')
  // The janitor holds the run's lock before anything is created, so that nobody sweeps what is just being made.
  const janitor = isShared ? await Janitor.start({ url: server.url, prefix, run }) : undefined
  return new RunDatabases({ server, prefix: isShared ? `${prefix}_${run}` : prefix, janitor })
}

interface RunParts {
  readonly server: Server
  readonly prefix: string
  readonly janitor: Janitor | undefined
}

class RunDatabases implements ServiceDatabases {
  readonly #parts: RunParts
  readonly #admin: Database

  constructor(parts: RunParts) {
    this.#parts = parts
    this.#admin = openDatabase(parts.server.url, { max: 1, applicationName: parts.prefix })
  }

  async create(service: string): Promise<ServiceDatabase> {
    assert(
      servicePattern.test(service),
      `A service's name has lower case letters, digits and underscores, unlike "${service}".`,
    )
    const name = `${this.#parts.prefix}_${service}`
    const password = randomBytes(18).toString('base64url')
    try {
      await this.#createRole(name, password)
      await this.#createDatabase(name)
    } catch (error) {
      throw errorCode(error) === '42501' ? noRights(error) : error
    }
    const url = new URL(databaseUrl(this.#parts.server.url, name))
    url.username = name
    url.password = password
    return { url: url.href, name }
  }

  async stop(): Promise<void> {
    await this.#admin.close()
    await this.#parts.janitor?.finish()
  }

  /** A kept role gets a new password with each start: the old one was told to nobody who still needs it. */
  async #createRole(name: string, password: string): Promise<void> {
    const isThere = await this.#isThere('select 1 from pg_roles where rolname = $1', name)
    const verb = isThere ? 'alter' : 'create'
    await this.#admin.query(`${verb} role ${quoteIdentifier(name)} login password ${quoteLiteral(password)}`)
    // Only a member may hand a database to a role; a superuser is one already.
    await this.#admin.query(`grant ${quoteIdentifier(name)} to current_user`)
  }

  async #createDatabase(name: string): Promise<void> {
    if (await this.#isThere('select 1 from pg_database where datname = $1', name)) return
    // Copying files needs a checkpoint, which is cheap on a server of our own and not ours to ask for on a given one.
    const version = await this.#admin.query("select 1 where current_setting('server_version_num')::int >= 150000")
    const strategy = this.#parts.server.kind !== 'given' && version.rowCount > 0 ? ' strategy file_copy' : ''
    await this.#admin.query(
      `create database ${quoteIdentifier(name)} owner ${quoteIdentifier(name)} template template0 encoding 'UTF8'${strategy}`,
    )
  }

  async #isThere(sql: string, name: string): Promise<boolean> {
    return (await this.#admin.query(sql, [name])).rowCount > 0
  }
}

/** What the janitor is told, as one line of JSON on its stdin: not as arguments, which every user of the machine can read. */
export interface JanitorOrder {
  readonly url: string
  readonly prefix: string
  readonly run: string
}

/** The process that drops what this run made. It waits for the end of its stdin, which is also how a SIGKILL shows. */
class Janitor {
  readonly #child: ChildProcess
  readonly #ended: Promise<string>

  private constructor(child: ChildProcess) {
    this.#child = child
    let complaint = ''
    child.stderr?.on('data', (text: Buffer) => {
      complaint += text
    })
    child.stdin?.on('error', () => undefined)
    this.#ended = new Promise((resolve) => {
      child.once('close', (code) => resolve(code === 0 ? '' : complaint || 'it was killed'))
    })
  }

  static async start(order: JanitorOrder): Promise<Janitor> {
    const child = spawn(process.execPath, janitorArguments(), {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const janitor = new Janitor(child)
    child.stdin?.write(`${JSON.stringify(order)}\n`)
    const isReady = new Promise<string>((resolve) => child.stdout?.once('data', () => resolve('')))
    const complaint = await Promise.race([isReady, janitor.#ended])
    if (complaint !== '')
      throw transient(
        'store/unreachable',
        `The given database server did not answer: ${complaint.trim()}`,
        'See that it runs, and that --database-url names it and a user who may connect.',
      )
    for (const handle of janitor.#handles()) handle?.unref?.()
    return janitor
  }

  async finish(): Promise<void> {
    for (const handle of this.#handles()) handle?.ref?.()
    this.#child.stdin?.end()
    const complaint = await this.#ended
    if (complaint !== '')
      throw transient(
        'store/left-behind',
        `Databases of this run may be left on the given server: ${complaint.trim()}`,
        'The next run with this server removes them.',
      )
  }

  /** Unreferenced while they only wait, so that the janitor does not keep its parent alive. */
  #handles(): ({ ref?(): void; unref?(): void } | null)[] {
    const { stdin, stdout, stderr } = this.#child as unknown as Record<string, { ref?(): void; unref?(): void } | null>
    return [this.#child, stdin ?? null, stdout ?? null, stderr ?? null]
  }
}

/** Compiled, the janitor is a plain file; from the sources (our own tests) Node 20 needs a loader for it. */
function janitorArguments(): string[] {
  const isSource = import.meta.url.endsWith('.ts')
  const file = fileURLToPath(new URL(`service-databases-janitor.${isSource ? 'ts' : 'js'}`, import.meta.url))
  if (!isSource) return [file]
  return [
    '--import',
    new URL('jiti-register.mjs', pathToFileURL(createRequire(import.meta.url).resolve('jiti'))).href,
    file,
  ]
}

function noRights(cause: unknown): Error {
  return refused(
    'store/no-rights',
    'The user of the given database URL may not create databases and roles.',
    'Let it: alter role … createdb createrole; or omit --database-url to use an embedded server.',
    { cause },
  )
}
