/** Applies changes of fields that several services write: the candidates are read, joined, decided here and written back. */
import type { Transaction } from '../store/database.ts'
import { type Bound, rowInput } from './apply-versions.ts'
import type { CandidateOf, Loser } from './candidate-store.ts'
import { lockStates, sendCandidates, sendForgotten, sendLosers } from './candidate-store.ts'
import {
  forgetDead,
  join,
  type Kept,
  type KeyState,
  unknownKey,
  type View,
  type ViewRules,
  viewOf,
} from './conflict-state.ts'
import { planAsBefore, planByIndex } from './statements.ts'

/** The states to join, given those that are stored and locked. */
export type Incoming = (stored: ReadonlyMap<string, KeyState>) => ReadonlyMap<string, KeyState>

/** What else is known of a batch. */
export interface Telling {
  /** The number of the refresh that tells it. */
  readonly seen?: number
  /** Keys of which the batch erases something: the conflict log must not remember it. */
  readonly erased?: readonly string[]
}

/** Locks `keys`, joins what `incoming` gives for them, and brings the user's table to what follows. Two flights. */
export async function applyCandidates(
  tx: Transaction,
  bound: Bound,
  keys: readonly string[],
  incoming: Incoming,
  { seen = 0, erased = [] }: Telling = {},
): Promise<void> {
  const { declaration, shape, statements } = bound
  const { name, entity } = declaration
  const rules: ViewRules = {
    owner: entity.service,
    policies: declaration.policies,
    keepsDeleted: declaration.keepsDeleted,
    required: new Set(shape.columns.flatMap((column) => (column.isRequired ? [column.field] : []))),
  }
  const stored = await lockStates(tx, name, keys, shape)
  const rows: unknown[] = []
  const copies: unknown[] = []
  const candidates: CandidateOf[] = []
  const losers: Loser[] = []
  for (const [key, said] of incoming(stored)) {
    const before = stored.get(key) ?? unknownKey
    const after = forgetDead(join(before, said), entity.service)
    const view = viewOf(after, rules)
    rows.push(rowInput(key, said, shape, { seen, owner: entity.service }))
    copies.push(copyInput(key, view, bound))
    for (const candidate of changedCandidates(before, after)) candidates.push({ key, ...candidate })
    for (const loser of newLosers(before, view, viewOf(before, rules))) {
      losers.push({ key, policy: declaration.policies[loser.field]!, ...loser })
    }
  }
  if (rows.length === 0) return
  tx.send(planByIndex)
  tx.send({ ...statements.rows, values: [name, JSON.stringify(rows)] })
  if (candidates.length > 0) sendCandidates(tx, name, candidates, shape)
  if (erased.length > 0) sendForgotten(tx, name, erased, shape)
  if (losers.length > 0) sendLosers(tx, name, losers, shape)
  await tx.query({ ...statements.copyDecided, values: [name, JSON.stringify(copies)] })
  tx.send(planAsBefore)
}

function copyInput(key: string, view: View, { shape }: Bound): Record<string, unknown> {
  const copy: Record<string, unknown> = { k: key, u: shape.columns.map(({ field }) => view.fields.has(field)) }
  for (const [n, { field }] of shape.columns.entries()) copy[`f${n}`] = view.fields.get(field)?.value
  return copy
}

/** The candidates that are not as they were stored. */
function changedCandidates(before: KeyState, after: KeyState): Omit<CandidateOf, 'key'>[] {
  return [...after.fields].flatMap(([field, sources]) =>
    [...sources.values()]
      .filter((kept) => before.fields.get(field)?.get(kept.source) !== kept)
      .map((kept) => ({ field, kept })),
  )
}

/** Values that lose now: they came with this batch and do not stand, or they stood until now. */
function newLosers(before: KeyState, view: View, viewBefore: View): Omit<Loser, 'key' | 'policy'>[] {
  return [...view.fields].flatMap(([field, resolution]) =>
    (resolution?.losers ?? [])
      .filter((loser) => {
        const stored = before.fields.get(field)?.get(loser.source)
        return stored?.version !== loser.version || viewBefore.fields.get(field)?.winner?.source === loser.source
      })
      .map((loser) => ({
        field,
        kept: loser as Kept,
        wonBy: resolution?.winner?.source,
        wonValue: resolution?.value,
      })),
  )
}
