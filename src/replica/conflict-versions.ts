/**
 * The state of a key of which only the owner's word counts: versions instead of candidates. What `conflict-state.ts`
 * says of one source, without its objects, because a replay runs through here 20,000 times a second.
 */
import { type Change, erasureMark, inKeyOrder } from './conflict-state.ts'

/** What a batch says of one key. Versions are -1 where it says nothing. */
export interface VersionState {
  alive: number
  deleted: number
  deletedCounter: number
  erased: number
  erasedCounter: number
  counter: number
  cut: number
  at: Date
  /** By kept field. */
  readonly versions: number[]
  readonly values: unknown[]
}

/** The states of a batch by key, in the order in which keys are locked. */
export function collapseVersions(changes: readonly Change[], keep: readonly string[]): Map<string, VersionState> {
  const states = new Map<string, VersionState>()
  for (const change of changes) {
    const before = states.get(change.key)
    const state = before ?? emptyState(change.at, keep.length)
    if (before === undefined) states.set(change.key, state)
    add(state, change, keep)
  }
  return inKeyOrder(states)
}

function emptyState(at: Date, fieldCount: number): VersionState {
  return {
    alive: -1,
    deleted: -1,
    deletedCounter: -1,
    erased: -1,
    erasedCounter: -1,
    counter: 0,
    cut: 0,
    at,
    versions: new Array<number>(fieldCount).fill(-1),
    values: new Array<unknown>(fieldCount).fill(null),
  }
}

function add(state: VersionState, change: Change, keep: readonly string[]): void {
  const { version, counter, op } = change
  if (counter > state.counter) state.counter = counter
  if (change.cut > state.cut) state.cut = change.cut
  if (change.at > state.at) state.at = change.at
  if (change.isErasure) {
    const mark = erasureMark(change)
    if ((version - state.erased || mark.counter - state.erasedCounter) > 0) {
      state.erased = version
      state.erasedCounter = mark.counter
    }
  }
  if (op === 'delete' && (version - state.deleted || counter - state.deletedCounter) > 0) {
    state.deleted = version
    state.deletedCounter = counter
  }
  if (op === 'tell' && version > state.alive) state.alive = version
  if (op === 'tell' && !change.isErasure) addFields(state, change, keep)
}

function addFields(state: VersionState, { version, fields }: Change, keep: readonly string[]): void {
  for (const [n, field] of keep.entries()) {
    if (version < state.versions[n]! || !Object.hasOwn(fields, field)) continue
    const value = fields[field]
    if (value === undefined) continue
    state.versions[n] = version
    state.values[n] = value
  }
}
