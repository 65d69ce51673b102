/**
 * One database and one role for each service, on one server.
 *
 * A role owns its database and nothing else; that one service cannot read another's tables is thereby no convention but a
 * permission error. Names carry a prefix, so that several academies live on one server and each can be swept away.
 */
import { randomBytes } from 'node:crypto'
import { openDatabase, quoteIdentifier, quoteLiteral } from 'selvedge/store'
import { type ServiceName, serviceNames } from './services.ts'

/** The databases of one academy. */
export interface AcademyDatabases {
  /** What databases and roles begin with. */
  readonly prefix: string
  /** The URL of a service's database for its own role. */
  url(service: ServiceName): string
  /** The URL of a service's database for the one who made it all. */
  adminUrl(service: ServiceName): string
  /** The URL of `service`'s database for the role of `as`. */
  urlAs(service: ServiceName, as: ServiceName): string
  /** The name of the role of a service. */
  role(service: ServiceName): string
  /** Removes the databases and the roles, whoever is connected. */
  drop(): Promise<void>
}

/**
 * Creates the databases and roles of an academy on the server at `serverUrl`, whose user must be allowed to.
 *
 * @example
 * const databases = await createDatabases(serverUrl, 'academy_naive')
 */
export async function createDatabases(serverUrl: string, prefix: string): Promise<AcademyDatabases> {
  const admin = openDatabase(serverUrl, { max: 1 })
  const password = randomBytes(12).toString('hex')
  try {
    const { rows } = await admin.query<{ major: number; me: string }>(
      "select current_setting('server_version_num')::int / 10000 as major, current_user as me",
    )
    // Copying files beats logging them by a factor of two; the strategy has a name from version 15 on.
    const strategy = (rows[0]?.major ?? 0) >= 15 ? ' strategy file_copy' : ''
    for (const service of serviceNames) {
      const name = quoteIdentifier(`${prefix}_${service}`)
      await admin.query(`create role ${name} login password ${quoteLiteral(password)}`)
      // Without being a superuser one may only give a database to a role that one belongs to.
      await admin.query(`grant ${name} to current_user`)
      await admin.query(`create database ${name} owner ${name} template template0${strategy}`)
    }
  } finally {
    await admin.close()
  }
  return {
    prefix,
    url: (service) => at(serverUrl, `${prefix}_${service}`, { user: `${prefix}_${service}`, password }),
    urlAs: (service, as) => at(serverUrl, `${prefix}_${service}`, { user: `${prefix}_${as}`, password }),
    adminUrl: (service) => at(serverUrl, `${prefix}_${service}`),
    role: (service) => `${prefix}_${service}`,
    drop: () => dropDatabases(serverUrl, prefix),
  }
}

async function dropDatabases(serverUrl: string, prefix: string): Promise<void> {
  const admin = openDatabase(serverUrl, { max: 1 })
  try {
    for (const service of serviceNames) {
      const name = quoteIdentifier(`${prefix}_${service}`)
      await admin.query(`drop database if exists ${name} with (force)`)
    }
    for (const service of serviceNames)
      await admin.query(`drop role if exists ${quoteIdentifier(`${prefix}_${service}`)}`)
  } finally {
    await admin.close()
  }
}

/** The URL of another database of the same server. */
export function at(
  serverUrl: string,
  database: string,
  as?: { readonly user: string; readonly password: string },
): string {
  const url = new URL(serverUrl)
  url.pathname = `/${encodeURIComponent(database)}`
  if (as) {
    url.username = as.user
    url.password = as.password
  }
  return url.href
}
