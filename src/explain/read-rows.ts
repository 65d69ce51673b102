/** What one place holds of an entity. */
import type { Source } from '../check/sources/source.ts'
import { keyParts, sideName } from '../invariant/invariant.ts'
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
  const rows = await source.peek({ ...place.side, key: place.by }, keyParts(key, place.by.length), rowsMax)
  if (rows.length === 0) return [{ ...held, row: undefined }]
  return rows.map((row) => {
    const asOf = Object.entries(row).find(([name, value]) => timeColumns.test(name) && value instanceof Date)?.[1]
    return { ...held, row, ...(asOf instanceof Date ? { asOf } : {}) }
  })
}
