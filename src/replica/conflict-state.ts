/**
 * All that a replica knows of one key, as a join: `join(a, b)` is commutative, associative and idempotent, so that any
 * order and any duplication of the same changes gives one state.
 *
 *     alive    the newest thing the owner said of it        exists  <=> alive > deleted
 *     deleted  the owner's newest tombstone                 what was said before it is dead
 *     erased   the newest erasure of personal data          what was said before it is dead, for ever
 *     fields   per field and source, the newest candidate
 *
 * Candidates of the owner and its tombstones are compared by version, since they share a stream; those of others by counter.
 */
import { type AnyPolicy, byCounter, type Candidate, type Resolution, resolve } from './conflict.ts'

/** A point in the owner's stream, and its counter. */
export interface Mark {
  readonly version: number
  readonly counter: number
}

/** Not yet; a copy that was adopted without its owner's word is alive since version 0. */
export const never: Mark = { version: -1, counter: -1 }

/** What one source said: the change of some fields of one key. */
export interface Change {
  readonly key: string
  /** `tell`: it says that the row is there, and perhaps fields. `none`: an erasure that says neither. */
  readonly op: 'tell' | 'delete' | 'none'
  /** Whether personal data of the stream was erased up to here. What the event once said is gone, that it was there is not. */
  readonly isErasure: boolean
  readonly source: string
  readonly service: string
  readonly writer?: string | undefined
  readonly from: 'owner' | 'other'
  readonly version: number
  readonly counter: number
  /** Whether `counter` was set by its writer. A stream's version stands in for it otherwise, and proves no order. */
  readonly isStamped: boolean
  readonly id: string
  /** Which cut of the owner's log shows it, as one number; 0 for changes of others. */
  readonly cut: number
  /** The owner's clock. Shown to people, never compared with another clock. */
  readonly at: Date
  readonly fields: Readonly<Record<string, unknown>>
}

/** A candidate as it is kept: a source that was deleted or erased keeps its version and gives no value. */
export interface Kept extends Candidate {
  readonly isWithdrawn: boolean
  readonly isStamped: boolean
}

export interface KeyState {
  readonly alive: Mark
  readonly deleted: Mark
  readonly erased: Mark
  /** The largest counter seen: the next local change goes above it. */
  readonly counter: number
  readonly cut: number
  readonly at: Date | undefined
  readonly fields: ReadonlyMap<string, ReadonlyMap<string, Kept>>
}

/** The state of a key of which nothing is known. */
export const unknownKey: KeyState = {
  alive: never,
  deleted: never,
  erased: never,
  counter: 0,
  cut: 0,
  at: undefined,
  fields: new Map(),
}

/** The state that one change alone gives. `keep` names the fields of the replica. */
export function stateOf(change: Change, keep: readonly string[]): KeyState {
  const { version, counter } = change
  const mark: Mark = { version, counter }
  const isOwner = change.from === 'owner'
  return {
    alive: isOwner && change.op === 'tell' ? mark : never,
    deleted: isOwner && change.op === 'delete' ? mark : never,
    erased: isOwner && change.isErasure ? erasureMark(change) : never,
    counter,
    cut: change.cut,
    at: change.at,
    fields: fieldsOf(change, keep),
  }
}

/**
 * An erasure that carries no counter ends what others said for good, since nobody can prove that any of it is later:
 * personal data that comes back by a late message would be worse than a preference that has no effect any more.
 */
export function erasureMark({ version, counter, isStamped }: Change): Mark {
  return { version, counter: isStamped ? counter : Number.MAX_SAFE_INTEGER }
}

/** A change of another service that deletes or erases withdraws what its source said; the owner's does so by its mark. */
function fieldsOf(change: Change, keep: readonly string[]): Map<string, ReadonlyMap<string, Kept>> {
  const isWithdrawn = change.isErasure || change.op === 'delete'
  const fields = new Map<string, ReadonlyMap<string, Kept>>()
  if (isWithdrawn && change.from === 'owner') return fields
  for (const field of keep) {
    if (!isWithdrawn && !(Object.hasOwn(change.fields, field) && change.fields[field] !== undefined)) continue
    const { counter, service, writer, from, id, source, version, isStamped } = change
    const value = isWithdrawn ? null : change.fields[field]
    const kept: Kept = { value, counter, service, writer, from, id, source, version, isWithdrawn, isStamped }
    fields.set(field, new Map([[source, kept]]))
  }
  return fields
}

/** The state of both together. */
export function join(a: KeyState, b: KeyState): KeyState {
  return {
    alive: later(a.alive, b.alive),
    deleted: later(a.deleted, b.deleted),
    erased: later(a.erased, b.erased),
    counter: Math.max(a.counter, b.counter),
    cut: Math.max(a.cut, b.cut),
    at: latest(a.at, b.at),
    fields: joinFields(a.fields, b.fields),
  }
}

function joinFields(a: KeyState['fields'], b: KeyState['fields']): KeyState['fields'] {
  if (a.size === 0) return b
  if (b.size === 0) return a
  const fields = new Map(a)
  for (const [field, theirs] of b) {
    const mine = a.get(field)
    if (mine === undefined) fields.set(field, theirs)
    else {
      const sources = new Map(mine)
      for (const [source, kept] of theirs) sources.set(source, newer(mine.get(source), kept))
      fields.set(field, sources)
    }
  }
  return fields
}

function newer(mine: Kept | undefined, theirs: Kept): Kept {
  return mine === undefined ? theirs : later(mine, theirs)
}

/** Equal versions of one source are one change told twice, once perhaps by a snapshot that knew no counter. */
function later<M extends Mark>(a: M, b: M): M {
  return (a.version - b.version || a.counter - b.counter) >= 0 ? a : b
}

function latest(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a.getTime() >= b.getTime() ? a : b
}

/** How the rows of a replica follow from its states. */
export interface ViewRules {
  /** The service that owns the entity. */
  readonly owner: string
  readonly policies: Readonly<Record<string, AnyPolicy>>
  /** True when a deleted row stays (`tombstone`, `keep`): its values then survive the deletion. */
  readonly keepsDeleted: boolean
  /** Fields that the table cannot hold as null: a row is held back until they are known. */
  readonly required: ReadonlySet<string>
}

/** What the copy shows of one key. */
export interface View {
  /** Whether the copy has a row. */
  readonly isPresent: boolean
  /** Whether the owner still has it. */
  readonly isAlive: boolean
  /** The resolution of every field that is known; `undefined` for one whose candidates are all dead. */
  readonly fields: ReadonlyMap<string, Resolution | undefined>
}

/** The row that follows from a state. */
export function viewOf(state: KeyState, rules: ViewRules): View {
  const isAlive = state.alive.version > state.deleted.version
  const fields = new Map<string, Resolution | undefined>()
  for (const [field, policy] of Object.entries(rules.policies)) {
    const kept = [...(state.fields.get(field)?.values() ?? [])]
    if (kept.length === 0 && state.erased.version < 0) continue
    const living = kept.filter((candidate) => isLiving(candidate, state, rules) && !isWithdrawnBy(candidate, kept))
    fields.set(field, living.length === 0 ? undefined : resolve(policy, living))
  }
  const lacksRequired = [...rules.required].some((field) => (fields.get(field)?.value ?? null) === null)
  const hasRow = isAlive || (rules.keepsDeleted && state.alive.version >= 0)
  return { isPresent: hasRow && !lacksRequired, isAlive, fields }
}

function isLiving(candidate: Kept, state: KeyState, { keepsDeleted, owner }: ViewRules): boolean {
  if (candidate.isWithdrawn || isErased(candidate, state, owner)) return false
  return keepsDeleted || !isEndedBy(state.deleted, candidate, owner)
}

/** An erasure also ends what carries no counter, for the same reason that `erasureMark` gives. */
function isErased(candidate: Kept, { erased }: KeyState, owner: string): boolean {
  if (erased.version >= 0 && candidate.from === 'other' && !candidate.isStamped) return true
  return isEndedBy(erased, candidate, owner)
}

/** The state without values that nothing can bring back: candidates keep their versions, so that no late message does. */
export function forgetDead(state: KeyState, owner: string): KeyState {
  const fields = new Map<string, ReadonlyMap<string, Kept>>()
  for (const [field, sources] of state.fields) {
    const all = [...sources.values()]
    const isDead = (kept: Kept) => isErased(kept, state, owner) || isWithdrawnBy(kept, all)
    const dead = all.filter((kept) => kept.value !== null && isDead(kept))
    const forgotten = new Map(sources)
    for (const kept of dead) forgotten.set(kept.source, { ...kept, value: null })
    fields.set(field, forgotten)
  }
  return { ...state, fields }
}

function isEndedBy(mark: Mark, candidate: Kept, owner: string): boolean {
  if (mark.version < 0) return false
  if (candidate.from === 'owner') return candidate.version <= mark.version
  return byCounter(candidate, { counter: mark.counter, service: owner, source: owner }) < 0
}

/** A stream that was deleted or erased withdraws the candidates of all its writers. */
function isWithdrawnBy(candidate: Kept, kept: readonly Kept[]): boolean {
  const { writer, source, version } = candidate
  if (writer === undefined) return false
  return kept.some(
    (other) => other.isWithdrawn && sourceOf(other.source, writer) === source && other.version >= version,
  )
}

/** The name under which candidates of one writer of a stream are kept. */
export function sourceOf(stream: string, writer: string | undefined): string {
  return writer === undefined ? stream : `${stream}#${writer}`
}

/** The largest version of the owner's stream that this state contains; 0 when the owner has not spoken. */
export function versionOf(state: KeyState): number {
  return Math.max(state.alive.version, state.deleted.version, state.erased.version, 0)
}

/** The states of a batch by key, in the order in which keys are locked. */
export function collapse(changes: Iterable<Change>, keep: readonly string[]): Map<string, KeyState> {
  const states = new Map<string, KeyState>()
  for (const change of changes) {
    const state = stateOf(change, keep)
    const before = states.get(change.key)
    states.set(change.key, before === undefined ? state : join(before, state))
  }
  return inKeyOrder(states)
}

/** The same entries in the order in which keys are locked; it only has to be one order for everybody. */
export function inKeyOrder<V>(byKey: ReadonlyMap<string, V>): Map<string, V> {
  return new Map([...byKey].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}
