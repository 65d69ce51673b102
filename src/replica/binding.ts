/** A declaration and the database it meets: the table is looked at once, then changes are applied in bounded batches. */
import type { Queryable, Transaction } from '../store/database.ts'
import { applyCandidates, type Incoming } from './apply-candidates.ts'
import { applyByVersion, type Bound, statesHeldBack } from './apply-versions.ts'
import { type Change, collapse } from './conflict-state.ts'
import { collapseVersions } from './conflict-versions.ts'
import type { Declaration } from './declaration.ts'
import { readShape } from './shape.ts'
import { candidatesFromCopySql } from './snapshot.ts'
import { statementsOf } from './statements.ts'

/** Changes of one statement. Large enough that a round trip costs nothing, small enough that no statement holds its locks for long. */
export const batchRowsMax = 1_024

/** Gives the table and SQL of a replica in the database of `tx`. */
export type Bind = (
  tx: Queryable & Pick<Transaction, 'schema' | 'home'> & Partial<Pick<Transaction, 'afterCommit'>>,
) => Promise<Bound>

/** Gives a declaration its table and SQL; the answer is kept, so that a batch costs no look at the catalog. `consumer` names who feeds it. */
export function binder(declaration: Declaration, consumer: () => string | undefined): Bind {
  // By database and schema: one declaration may serve several databases of a process, and is registered in each.
  const homes = new WeakMap<object, Map<string, Bound>>()
  const unknownHome = {}
  return async (tx) => {
    const home = tx.home ?? unknownHome
    const known = homes.get(home) ?? new Map<string, Bound>()
    homes.set(home, known)
    const before = known.get(tx.schema)
    if (before !== undefined) return before
    const { shape, wasOwnerOnly } = await readShape(tx, declaration, consumer())
    const bound = { declaration, shape, statements: statementsOf(declaration, shape) }
    if (wasOwnerOnly && !declaration.isOwnerOnly && shape.columns.length > 0)
      await tx.query(candidatesFromCopySql(shape), [declaration.name, declaration.entity.service])
    const keep = () => void known.set(tx.schema, bound)
    // What was registered in a transaction that rolls back is not registered.
    if (tx.afterCommit === undefined) keep()
    else tx.afterCommit(keep)
    return bound
  }
}

/** Applies changes of any keys in any order. `seen` is the number of the refresh that tells them, or 0. */
export async function applyChanges(tx: Transaction, bound: Bound, changes: readonly Change[], seen = 0): Promise<void> {
  for (let start = 0; start < changes.length; start += batchRowsMax) {
    const batch = changes.slice(start, start + batchRowsMax)
    const erased = batch.flatMap(({ isErasure, key }) => (isErasure ? [key] : []))
    if (!bound.declaration.isOwnerOnly) {
      const states = collapse(batch, bound.declaration.keep)
      await applyCandidates(tx, bound, [...states.keys()], () => states, { seen, erased })
      continue
    }
    const states = collapseVersions(batch, bound.declaration.keep)
    const held = statesHeldBack(await applyByVersion(tx, bound, states, { seen, erased }), bound)
    if (held.size > 0) await applyCandidates(tx, bound, [...held.keys()], () => held)
  }
}

/** Applies the change that `make` gives for the largest counter that this key has seen, and gives back the change. */
export async function applyLocal(
  tx: Transaction,
  bound: Bound,
  key: string,
  make: (counterSeen: number) => Change,
): Promise<Change> {
  let made: Change | undefined
  const incoming: Incoming = (stored) => {
    made = make(stored.get(key)?.counter ?? 0)
    return collapse([made], bound.declaration.keep)
  }
  await applyCandidates(tx, bound, [key], incoming)
  return made!
}
