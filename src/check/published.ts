/**
 * Writes of an owner's table that no event has told of. The owner captures who wrote what (`log/capture.ts`); a
 * transaction that wrote a row and published nothing about it is proved by its number in both tables.
 */
import { refused } from '../base/error.ts'
import type { Side } from '../invariant/invariant.ts'
import { type UntoldRow, untoldRows } from '../log/capture.ts'
import type { KeyState } from './compare.ts'
import type { Comparison } from './comparison.ts'
import { findingOf, type Judge, type Judgement, textOf } from './judge.ts'
import { areReadable } from './positions/positions.ts'
import type { Scan } from './scan.ts'
import type { PostgresReader } from './sources/postgres-side.ts'

/** The keys that were written in silence. */
export async function scanPublished(owner: PostgresReader, most: number): Promise<Scan> {
  const untold = await read(owner, { most: most + 1 })
  return {
    keys: untold.slice(0, most).map(({ key }) => [key]),
    rows: Math.round(owner.rowsAbout),
    rowsWithoutKey: [],
    stopped: untold.length > most,
    nearlyAll: false,
  }
}

/** The judge of silent writes: it asks once more, since the event may have come with a later transaction. */
export function publishedJudge(comparison: Comparison, owner: PostgresReader): Judge {
  const side = comparison.shape.sideNames[0] ?? ''
  return {
    async look(keys) {
      const found = await read(owner, { keys: keys.map(([key]) => key ?? ''), most: keys.length })
      const untold = new Map(found.map((row) => [textOf([row.key]), row]))
      const states = await comparison.look(keys)
      return new Map([...states].map(([text, state]) => [text, judged(comparison, state, untold.get(text), side)]))
    },
  }
}

function judged(comparison: Comparison, state: KeyState, row: UntoldRow | undefined, side: string): Judgement {
  if (row === undefined) return { kind: 'holds' }
  const said = { verdict: 'never-published', proof: 'positions', because: sentenceOf(row, side) } as const
  return { kind: 'finding', finding: findingOf(comparison, state, { ...said, cause: { since: row.at.toISOString() } }) }
}

function sentenceOf({ writes, operation, at }: UntoldRow, side: string): string {
  const times = writes === 1 ? 'once' : `${writes} times`
  return `${side} was written ${times} without an event, last by ${operation} at ${at.toISOString()}, and none has told of it since`
}

/** What tells of writes and of events. */
const tables = ['capture', 'captured_table', 'log', 'retained', 'tick']

async function read(
  owner: PostgresReader,
  asked: { readonly keys?: readonly string[]; readonly most: number },
): Promise<readonly UntoldRow[]> {
  const { side, source } = owner
  const table = side.rows.kind === 'table' ? side.rows.table : ''
  if (!(await areReadable(owner, tables))) throw notCaptured(side)
  const untold = await source.read((snapshot) => untoldRows(snapshot, source.schema, { table, ...asked }))
  if (untold === undefined) throw notCaptured(side)
  return untold
}

/** The error for a table whose writes nobody writes down, or may read. */
function notCaptured({ source, rows }: Side): Error {
  const table = rows.kind === 'table' ? rows.table : 'its rows'
  return refused(
    'check/not-captured',
    `source "${source}": the writes of ${table} are not captured, or may not be read.`,
    "Call `capture(database, { table, key, entity })` once as the owner, and grant SELECT on the tables of Selvedge's schema.",
    { source, table },
  )
}

/** The error for a table of another engine: only PostgreSQL says which transaction wrote a row. */
export function notPostgres({ source, rows }: Side): Error {
  const table = rows.kind === 'table' ? rows.table : 'its rows'
  return refused(
    'check/publishes-needs-postgres',
    `source "${source}": whether writes of ${table} were published can be told on PostgreSQL only.`,
    'Compare the copies with this owner by `replicaOf` instead.',
    { source, table },
  )
}
