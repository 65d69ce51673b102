/** What one place holds of an entity. */
import { isPostgres } from '../check/sources/postgres.ts'
import type { Source } from '../check/sources/source.ts'
import { keyParts, type Side, sideName } from '../invariant/invariant.ts'
import type { HeldRow } from '../observe/observe.ts'
import type { Place } from './places.ts'

/** A row as a place holds it, and by which invariants it should be there. */
export interface PlacedRow extends HeldRow {
  readonly expectedBy: readonly string[]
}

/** More rows that refer to one entity than this are told by their first ones: a person reads them. */
const rowsMax = 20

/** Columns in which services commonly write down when a row changed; the first that holds a time gives the row's age. */
const timeColumns = /^(last_?)?(updated|changed|modified|synced)(_?at|_?on)?$/i

/**
 * The rows of a place; one without `row` when there is none.
 *
 * @throws Refused `check/unreadable` when the source cannot be read.
 */
export async function readRows(source: Source, place: Place, key: string): Promise<PlacedRow[]> {
  const held = {
    service: source.service,
    table: sideName(place.side),
    role: place.role,
    expectedBy: place.expectedBy,
  } as const
  const rows = await peek(source, { ...place.side, key: place.by }, keyParts(key, place.by.length))
  if (rows.length === 0) return [{ ...held, row: undefined }]
  return rows.map(({ row, committedAt }) => {
    const told = Object.entries(row).flatMap(([name, value]) => (timeColumns.test(name) ? (timeOf(value) ?? []) : []))
    const asOf = told[0] ?? committedAt
    return { ...held, row, ...(asOf === undefined ? {} : { asOf }) }
  })
}

async function peek(source: Source, side: Side, key: readonly string[]) {
  if (isPostgres(source)) return source.peekDated(side, key, rowsMax)
  return (await source.peek(side, key, rowsMax)).map((row) => ({ row, committedAt: undefined }))
}

/** MySQL's times arrive as text; without a zone they are in that of its session, UTC. */
function timeOf(value: unknown): Date | undefined {
  if (value instanceof Date) return value
  const parts = typeof value === 'string' ? /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)$/.exec(value) : null
  const at = parts === null ? undefined : new Date(`${parts[1]}T${parts[2]}Z`)
  return at === undefined || Number.isNaN(at.getTime()) ? undefined : at
}
