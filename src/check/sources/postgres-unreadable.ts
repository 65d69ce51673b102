/** Why a read of PostgreSQL failed, as one error that names the source, the reason and the way out. */
import { isSelvedgeError, refused } from '../../base/error.ts'
import { errorCode, isConnectionLoss, type Queryable } from '../../store/store.ts'
import { listenerAt } from './other-server.ts'

/** Where was read. */
export interface ReadPlace {
  /** The source's name. */
  readonly name: string
  readonly url: string
}

/** How a database keeps its texts. */
export async function encodingOf(snapshot: Queryable): Promise<string | undefined> {
  const { rows } = await snapshot.query<{ encoding: string }>(`select current_setting('server_encoding') as encoding`)
  return rows[0]?.encoding
}

/** A database whose texts cannot be compared. */
export function unreadableEncoding(source: string, encoding: string | undefined): Error {
  const help = 'Rows are compared as UTF-8 text; check a copy of the database that is in UTF8.'
  const values = { source, ...(encoding === undefined ? {} : { encoding }) }
  return refused('check/unreadable-encoding', `The database of source "${source}" is in ${encoding}.`, help, values)
}

/** One error for whatever made a read fail; the driver's text names users and hosts, but no password. */
export async function unreadablePostgres({ name, url }: ReadPlace, error: unknown): Promise<unknown> {
  if (isSelvedgeError(error, 'check/unreadable') || isSelvedgeError(error, 'check/unreadable-encoding')) return error
  const say = (what: string, help: string) =>
    refused('check/unreadable', `source "${name}": ${what}`, help, { cause: error, source: name })
  const isUnreachable = isSelvedgeError(error, 'store/unreachable')
  const code = errorCode(isUnreachable ? error.cause : error)
  // A server of PostgreSQL gives every error a code, and so does a system that cannot connect.
  if (code === undefined && (await isMysqlAt(url)))
    return say(
      'The server at this address is MySQL or MariaDB, not PostgreSQL.',
      'Write its URL as mysql://…, or correct the port: PostgreSQL usually listens at 5432.',
    )
  if (isUnreachable) {
    const why = code ?? (error.cause instanceof Error ? error.cause.message : 'no reason was given')
    const help = 'See that the server runs, and that host and port of the URL are right.'
    return say(`The database cannot be reached (${why}).`, help)
  }
  const said = error instanceof Error ? error.message : String(error)
  const help = isConnectionLoss(error)
    ? helpLost
    : isByPolicy(error)
      ? helpPolicy
      : (helps.get(code ?? '') ?? helpDefault)
  return say(`${said}${code === undefined ? '' : ` (${code})`}`, help)
}

async function isMysqlAt(url: string): Promise<boolean> {
  if (!URL.canParse(url)) return false
  const { hostname: host, port } = new URL(url)
  return host !== '' && (await listenerAt({ host, port: Number(port || 5432) })) === 'MySQL or MariaDB'
}

/** Refused because a policy would hide rows: by the server's routine, since its words follow the server's language. */
function isByPolicy(error: unknown): boolean {
  return (error as { routine?: unknown } | undefined)?.routine === 'check_enable_rls'
}

const helpPolicy =
  'The role would not see all rows, and missing ones would be findings: give it BYPASSRLS, or check a view of the owner that shows them all.'
const helpDefault = 'Grant SELECT to the role of the check, or correct the declaration.'
const helpLost = 'The connection was lost on the way: check again once the server is up.'
const correctName = 'Correct the declaration of the side: the message names what is not there.'
const correctLogin = 'Correct user, password or database of the URL.'

/** What to do about an error of the server, by its SQLSTATE. */
const helps: ReadonlyMap<string, string> = new Map([
  ['42501', 'Grant the role of the check what the message names; `selvedge init` prints the statements.'],
  ['42P01', correctName],
  ['42703', correctName],
  ['3F000', correctName],
  ['42601', 'Correct the SQL of the side.'],
  ['28P01', correctLogin],
  ['28000', correctLogin],
  ['3D000', correctLogin],
  ['25006', 'Name columns and expressions that only read: each read is a READ ONLY transaction.'],
  ['57014', 'Narrow the side by `where`, or check when less is going on there.'],
])
