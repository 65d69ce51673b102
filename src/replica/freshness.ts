/** Reading the copy, with the honest word on how old it is. From the reader's own tables: it answers while the owner is down. */

import type { Clock } from '../base/clock.ts'
import { type Duration, milliseconds } from '../base/duration.ts'
import type { Queryable } from '../store/database.ts'
import { quoteLiteral } from '../store/identifier.ts'
import type { Declaration } from './declaration.ts'
import type { Shape } from './shape.ts'

/** A database or a transaction. */
export type Reader = Queryable & { readonly schema: string; readonly clock: Clock }

/** How old a copied row is. */
export interface Freshness {
  /** The version of the owner's stream that the row contains; 0 when the owner has not spoken yet. */
  readonly version: number
  /** This service's clock when the row was last known to contain all that the owner had published. */
  readonly asOf: Date
  /**
   * Zero while nothing is known to be missing and the owner was heard within `freshWithin`; else the time since `asOf`.
   * Both ends are read from this service's clock, so the owner's may be wrong by any amount.
   */
  readonly behind: Duration
  /** `ownerDeleted`: the owner has deleted it, and this service keeps it until somebody resolves that. */
  readonly state: 'live' | 'tombstone' | 'ownerDeleted'
}

interface CopyRow {
  readonly key: string
  readonly value: Record<string, unknown>
  readonly alive: string | null
  readonly deleted: string | null
  readonly erased: string | null
  readonly contact: Date | null
  readonly waiting_since: Date | null
}

/** The copied fields and freshness of the rows with these keys, by key. */
export async function readCopies(
  reader: Reader,
  declaration: Declaration,
  shape: Shape,
  { keys, heardAt }: { readonly keys: readonly string[]; readonly heardAt: Date | undefined },
): Promise<Map<string, Record<string, unknown> & { freshness: Freshness }>> {
  const { name, entity } = declaration
  const { rows } = await reader.query<CopyRow>(readSql(shape), [name, keys, entity.service, `${entity.name}/`])
  const now = reader.clock.now()
  return new Map(
    rows.map((row) => [row.key, { ...row.value, freshness: freshnessOf(row, { declaration, heardAt, now }) }]),
  )
}

/** Values are read as JSON, so that a number of the contract is a number here too, whatever the driver makes of `numeric`. */
function readSql({ schema: s, table, keyColumn, keyType, columns, hasPositions, hasParking }: Shape): string {
  const fields = columns.flatMap(({ field, name }) => [`${quoteLiteral(field)}, c.${name}`])
  const consumer = `(select consumer from ${s}.replica where name = $1)`
  const contact = hasPositions
    ? `(select max(at) from ${s}.position where consumer = ${consumer} and source = $3)`
    : 'null::timestamptz'
  const waiting = hasParking
    ? `(select min(at) from ${s}.parked_event where consumer = ${consumer} and source = $3 and stream = $4 || k)`
    : 'null::timestamptz'
  return `select k as key, json_build_object(${fields.join(', ')}) as value, r.alive, r.deleted, r.erased,
  ${contact} as contact, ${waiting} as waiting_since
from unnest($2::text[]) k join ${table} c on c.${keyColumn} = k::${keyType}
left join ${s}.replica_row r on r.replica = $1 and r.key = k
-- A parameter without a use has no type.
where $3::text is not null and $4::text is not null`
}

function freshnessOf(
  row: CopyRow,
  { declaration, heardAt, now }: { declaration: Declaration; heardAt: Date | undefined; now: Date },
): Freshness {
  const alive = Number(row.alive ?? -1)
  const deleted = Number(row.deleted ?? -1)
  const heard = Math.max(row.contact?.getTime() ?? 0, heardAt?.getTime() ?? 0)
  const waitingSince = row.waiting_since?.getTime() ?? Number.POSITIVE_INFINITY
  const asOfMs = Math.min(heard, waitingSince, now.getTime())
  const isBehind = waitingSince < now.getTime() || now.getTime() - asOfMs > declaration.freshWithin.milliseconds
  const kept = declaration.onDelete === 'keep' ? 'ownerDeleted' : 'tombstone'
  return {
    version: Math.max(alive, deleted, Number(row.erased ?? -1), 0),
    asOf: new Date(asOfMs),
    behind: milliseconds(isBehind ? now.getTime() - asOfMs : 0),
    state: deleted >= alive && deleted >= 0 ? kept : 'live',
  }
}
