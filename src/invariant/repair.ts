/**
 * How findings of an invariant may be repaired, declared as data. Nothing is repaired that is not declared: the default
 * is to report. `selvedge reconcile` takes the first declared way that fits a finding, in this order:
 *
 *     unblock -> re-emit -> sql -> http -> a person
 */
import type { Transaction } from '../store/database.ts'

/** A row by the names of the invariant's columns, as canonical text; `null` is NULL. */
export type RepairRow = Readonly<Record<string, string | null>>

/** What bounds a repair; more than this is refused as a whole, since a large repair is a mistake more often than not. */
export interface RepairLimits {
  /** Rows of one plan; 100 unless given. */
  readonly rows?: number
  /** Share of the table; 0.001 unless given. Ten rows are always within it, or small tables could never be repaired. */
  readonly share?: number
  /** Rows a minute; 600 unless given. */
  readonly perMinute?: number
  /** Rows deleted by one plan; none unless given, or allowed when the plan is made and applied. */
  readonly deletes?: number
  /** From so many rows on a second person approves; 50 unless given. */
  readonly secondApproval?: number
  /** When one of several columns explains more of the findings than this, the mapping is suspected; 0.8 unless given. */
  readonly oneColumn?: number
  /** When more of the rows differ than this, the declaration is suspected; 0.05 unless given. */
  readonly mismatches?: number
}

/** What every way of repairing may say. */
export interface RepairTerms {
  /** `watch` repairs by itself what positions prove, within the limits. */
  readonly automatic?: boolean
  readonly limits?: RepairLimits
}

/** Streams that wait are let go again; needs `repair` at the copy's source. */
export interface UnblockRepair extends RepairTerms {
  readonly kind: 'unblock'
}

/**
 * The owner says its current state again, through its log, so that every copy hears it in order and once. `reEmit` runs in
 * a transaction of the owner's database that holds the row; `row` is undefined when the owner has none.
 */
export interface ReEmitRepair extends RepairTerms {
  readonly kind: 're-emit'
  readonly reEmit: (
    tx: Transaction,
    key: string,
    row: Readonly<Record<string, unknown>> | undefined,
  ) => Promise<unknown>
}

/**
 * The rows that all sides should hold; undefined leaves the key to a person. `null` says that no side should have a row.
 * `sides` is in the order of the declaration; a side without a row is undefined.
 */
export type Resolve = (
  sides: readonly { readonly name: string; readonly row: RepairRow | undefined }[],
  key: string,
) => RepairRow | null | undefined

/** The copy's row is written by SQL: guarded, so that any other write wins. */
export interface SqlRepair extends RepairTerms {
  readonly kind: 'sql'
  /** Who is right where no side is the owner; a replica's owner always is. */
  readonly resolve?: Resolve
  /** Further columns of rows that are inserted, as the text that the column's type reads. */
  readonly insert?: Readonly<Record<string, string | null>>
}

/** A service is asked to repair itself; `{key}` in the URL is the key. Anything but 2xx is a failure. */
export interface HttpRepair extends RepairTerms {
  readonly kind: 'http'
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  /** The request's body, as JSON; the owner's row unless given. */
  readonly body?: (row: RepairRow | undefined, key: string) => unknown
  /** The environment variable that holds a bearer token. */
  readonly tokenFrom?: string
}

/** One way of repairing. */
export type Repair = UnblockRepair | ReEmitRepair | SqlRepair | HttpRepair

/**
 * The side whose column is the greatest wins: a timestamp, or a counter. Equal greatest values that stand beside other
 * rows are for a person.
 *
 * @example
 * agree('Both know the path', a, b).repairedBy({ kind: 'sql', resolve: lastWriterWinsBy('changed_at') })
 */
export function lastWriterWinsBy(column: string): Resolve {
  return (sides) => {
    const rows = sides.flatMap(({ row }) => (row === undefined ? [] : [row]))
    const [best, second] = rows.toSorted((a, b) => compareValues(b[column] ?? null, a[column] ?? null))
    if (best === undefined || best[column] === undefined || best[column] === null) return undefined
    const isTied = second !== undefined && compareValues(best[column], second[column] ?? null) === 0
    return isTied && JSON.stringify(best) !== JSON.stringify(second) ? undefined : best
  }
}

/** Numbers as numbers, all else as text: canonical timestamps and dates sort as text. */
function compareValues(a: string | null, b: string | null): number {
  if (a === b) return 0
  if (a === null || b === null) return a === null ? -1 : 1
  const isNumber = /^-?\d+(?:\.\d+)?$/
  if (isNumber.test(a) && isNumber.test(b)) return compareNumbers(a, b)
  return a < b ? -1 : 1
}

function compareNumbers(a: string, b: string): number {
  const scale = Math.max(...[a, b].map((text) => text.split('.')[1]?.length ?? 0))
  const whole = (text: string) => {
    const [digits = '', fraction = ''] = text.split('.')
    return BigInt(digits + fraction.padEnd(scale, '0'))
  }
  const difference = whole(a) - whole(b)
  return difference === 0n ? 0 : difference < 0n ? -1 : 1
}
