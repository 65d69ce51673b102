/** Applies changes of which only the owner's count: per field the larger version stands, decided by the server. */
import type { Transaction } from '../store/database.ts'
import { sendForgotten } from './candidate-store.ts'
import { type Kept, type KeyState, unknownKey, versionOf } from './conflict-state.ts'
import type { VersionState } from './conflict-versions.ts'
import type { Declaration } from './declaration.ts'
import type { Shape } from './shape.ts'
import { planAsBefore, planByIndex, type Statements } from './statements.ts'

/** One replica on one database: its declaration, its table and its SQL. */
export interface Bound {
  readonly declaration: Declaration
  readonly shape: Shape
  readonly statements: Statements
}

/** What is known of a row that the user's table cannot hold yet, or no more: a required column has no value. */
export interface HeldBack {
  readonly key: string
  readonly versions: readonly (string | null)[]
  readonly fields: Readonly<Record<string, unknown>>
}

/**
 * Applies the states of a batch, keys in order, in one flight, and gives back the rows that are held back.
 * `seen` is the number of the refresh that tells them, `erased` the keys of which something is erased.
 */
export async function applyByVersion(
  tx: Transaction,
  { declaration: { name }, shape, statements }: Bound,
  states: ReadonlyMap<string, VersionState>,
  { seen, erased }: { readonly seen: number; readonly erased: readonly string[] },
): Promise<readonly HeldBack[]> {
  const rows: unknown[] = []
  const copies: unknown[] = []
  let hasEnds = false
  for (const [key, state] of states) {
    if (state.deleted >= 0 || state.erased >= 0) hasEnds = true
    const versions = new Array<number | null>(shape.placeCount).fill(null)
    const row: Record<string, unknown> = { k: key, v: versions }
    for (const [n, { place }] of shape.columns.entries()) {
      if (state.versions[n]! < 0) continue
      versions[place - 1] = state.versions[n]!
      row[`f${n}`] = state.values[n]
    }
    rows.push(versionInput(key, state, { seen, versions }))
    copies.push(row)
  }
  const copy = hasEnds ? statements.copyWithEnds : statements.copyByVersion
  tx.send(planByIndex)
  tx.send({ ...statements.rows, values: [name, JSON.stringify(rows)] })
  if (erased.length > 0) sendForgotten(tx, name, erased, shape)
  const copied = await tx.query<HeldBack>({ ...copy, values: [name, JSON.stringify(copies)] })
  tx.send(planAsBefore)
  return copied.rows
}

/** The short names are those of the input columns in `statements.ts`; what the batch does not say is left out. */
function versionInput(
  key: string,
  state: VersionState,
  { seen, versions }: { readonly seen: number; readonly versions: readonly (number | null)[] },
): Record<string, unknown> {
  const input: Record<string, unknown> = { k: key, c: state.counter, t: state.cut, at: state.at, v: versions }
  if (state.alive >= 0) input.a = state.alive
  if (state.deleted >= 0) Object.assign(input, { d: state.deleted, dc: state.deletedCounter })
  if (state.erased >= 0) Object.assign(input, { e: state.erased, ec: state.erasedCounter })
  if (seen > 0) input.s = seen
  return input
}

/** What a state says to `replica_row`. */
export function rowInput(
  key: string,
  state: KeyState,
  shape: Shape,
  { seen, owner }: { readonly seen: number; readonly owner: string },
): Record<string, unknown> {
  return {
    k: key,
    a: state.alive.version,
    d: state.deleted.version,
    dc: state.deleted.counter,
    e: state.erased.version,
    ec: state.erased.counter,
    c: Math.max(state.counter, versionOf(state)),
    t: state.cut,
    s: seen,
    at: state.at,
    v: versionsOf(state, shape, owner),
  }
}

/** The states of rows held back, as candidates of the owner: these are kept until the rows are complete. */
export function statesHeldBack(rows: readonly HeldBack[], { declaration, shape }: Bound): Map<string, KeyState> {
  const { service } = declaration.entity
  return new Map(
    rows.map(({ key, versions, fields }) => {
      const known = shape.columns.flatMap(({ field, place }) => {
        const version = versions[place - 1]
        if (version == null || fields[field] == null) return []
        const kept: Kept = {
          ...{ value: fields[field], version: Number(version), counter: Number(version), isStamped: false },
          ...{ service, source: service, from: 'owner', id: '', isWithdrawn: false },
        }
        return [[field, new Map([[service, kept]])] as const]
      })
      return [key, { ...unknownKey, fields: new Map(known) }]
    }),
  )
}

/** The owner's version of each field at its place, null where the owner said nothing. */
function versionsOf(state: KeyState, { columns, placeCount }: Shape, owner: string): (number | null)[] {
  const versions = new Array<number | null>(placeCount).fill(null)
  for (const { field, place } of columns) {
    const kept = state.fields.get(field)?.get(owner)
    if (kept !== undefined) versions[place - 1] = kept.version
  }
  return versions
}
