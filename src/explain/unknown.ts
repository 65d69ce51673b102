/**
 * What databases cannot tell of an entity, and what would tell it. An empty timeline is read as "nothing happened"; so it
 * is said, place by place, which questions nobody can answer there. Pure; where the log is, nothing is said.
 */
import type { Engine } from '../check/sources/source.ts'
import type { HeldRow } from '../observe/observe.ts'

/** A question that a place cannot answer. */
export interface Unknown {
  readonly service: string
  /** What is not known, as the rest of "not known is …". */
  readonly what: string
  /** What would tell it, in a sentence. */
  readonly toldBy: string
}

/** What one place holds of the entity, and what it keeps of its own past. */
export interface Told {
  readonly service: string
  readonly engine: Engine
  readonly hasLog: boolean
  /** It keeps what it applied: by an inbox, or by positions. */
  readonly hasInbox: boolean
  /** Whether the server keeps when each transaction committed; undefined where it cannot. */
  readonly tracksCommits: boolean | undefined
  readonly rows: readonly HeldRow[]
}

/** The questions that stay open, service by service. */
export function unknownOf(places: readonly Told[]): readonly Unknown[] {
  const hasOwner = places.some(({ rows }) => rows.some(({ role }) => role === 'owner'))
  return places.flatMap((place) => [
    ...(isWriter(place, hasOwner) && !place.hasLog ? [writings(place)] : []),
    ...(isCopier(place, hasOwner) && !place.hasInbox ? [arrivals(place)] : []),
    ...ages(place),
  ])
}

/** Where no side is the owner, each writes rows of its own. */
function isWriter({ rows }: Told, hasOwner: boolean): boolean {
  return rows.some(({ role }) => role === 'owner' || (role === 'copy' && !hasOwner))
}

function isCopier({ rows }: Told, hasOwner: boolean): boolean {
  return hasOwner && rows.some(({ role }) => role === 'copy')
}

/** What is read through something else may be told by what is behind it. */
const behind = {
  http: 'The database behind the API would tell, if it were a source.',
  code: 'The database behind the code would tell, if it were a source.',
} as const

function writings({ service, engine }: Told): Unknown {
  const what = 'who wrote or deleted it and when, and whether that was published'
  const toldBy: Record<Engine, string> = {
    postgres: 'A log would tell: `publish` in the transaction that writes the row.',
    mysql: 'Its binary log would tell; a log of ours is kept in PostgreSQL only.',
    ...behind,
  }
  return { service, what, toldBy: toldBy[engine] }
}

function arrivals({ service, engine }: Told): Unknown {
  const what = 'whether a change arrived here, or where it was lost'
  const toldBy: Record<Engine, string> = {
    postgres: 'An inbox would tell: `consumer` or `replica` in the service.',
    mysql: 'What the service notes of its messages would tell; an inbox of ours is kept in PostgreSQL only.',
    ...behind,
  }
  return { service, what, toldBy: toldBy[engine] }
}

/** Ages of the rows themselves; those that refer to the entity are rows of another one. */
function ages({ service, engine, tracksCommits, rows }: Told): readonly Unknown[] {
  const ageless = rows.filter(({ role, row, asOf }) => role !== 'reference' && row !== undefined && asOf === undefined)
  return [...new Set(ageless.map(({ table }) => table))].map((table) => {
    const column = 'A column like `updated_at` would tell'
    const toldBy =
      engine === 'postgres' && tracksCommits === false
        ? `${column}; or, of rows written from then on, \`alter system set track_commit_timestamp = on\` and a restart.`
        : `${column}.`
    return { service, what: `how old the row of ${table} is`, toldBy }
  })
}
