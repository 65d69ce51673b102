/**
 * Writes of an owner's table that no event has told of. The owner captures who wrote what (`log/capture.ts`); a
 * transaction that wrote a row and published nothing about it is proved by its number in both tables.
 */
import { refused } from '../base/error.ts'
import type { Side } from '../invariant/invariant.ts'
import { type UntoldRow, untoldRows } from '../log/capture.ts'
import type { Comparison } from './comparison.ts'
import { findingOf, type Judge, type Judgement, textOf } from './judge.ts'
import { readableTables } from './positions/positions.ts'
import type { Scan } from './scan.ts'
import { isPostgresReader, type PostgresReader } from './sources/postgres-side.ts'

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
export function publishedJudge(comparison: Comparison): Judge {
  const [owner] = comparison.readers
  return {
    async look(keys) {
      const asked = owner !== undefined && isPostgresReader(owner) ? owner : undefined
      const found =
        asked === undefined ? [] : await read(asked, { keys: keys.map(([key]) => key ?? ''), most: keys.length })
      const untold = new Map(found.map((row) => [textOf([row.key]), row]))
      const states = await comparison.look(keys)
      return new Map(
        [...states].map(([text, state]): [string, Judgement] => {
          const row = untold.get(text)
          if (row === undefined) return [text, { kind: 'holds' }]
          const because = sentenceOf(row, comparison.shape.sideNames[0] ?? '')
          return [
            text,
            {
              kind: 'finding',
              finding: findingOf(comparison, state, {
                ...{ verdict: 'never-published', proof: 'positions', because },
                cause: { since: row.at.toISOString() },
              }),
            },
          ]
        }),
      )
    },
  }
}

function sentenceOf({ writes, operation, at }: UntoldRow, side: string): string {
  const times = writes === 1 ? 'once' : `${writes} times`
  return `${side} was written ${times} without an event, last by ${operation} at ${at.toISOString()}, and none has told of it since`
}

async function read(
  owner: PostgresReader,
  asked: { readonly keys?: readonly string[]; readonly most: number },
): Promise<readonly UntoldRow[]> {
  const { side, source } = owner
  const table = side.rows.kind === 'table' ? side.rows.table : ''
  const untold = await source.read(async (snapshot) => {
    const readable = await readableTables(snapshot, source.schema, [
      'capture',
      'captured_table',
      'log',
      'retained',
      'tick',
    ])
    return readable.size < 5 ? undefined : untoldRows(snapshot, source.schema, { table, ...asked })
  })
  if (untold === undefined) throw notCaptured(side)
  return untold
}

/** The error for a table whose writes nobody writes down, or may read. */
export function notCaptured({ source, rows }: Side): Error {
  const table = rows.kind === 'table' ? rows.table : 'its rows'
  return refused(
    'check/not-captured',
    `source "${source}": the writes of ${table} are not captured, or may not be read.`,
    "Call `capture(database, { table, key, entity })` once as the owner, and grant SELECT on the tables of Selvedge's schema.",
    { source, table },
  )
}
