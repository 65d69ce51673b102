/**
 * What positions prove of a key that differs between an owner and its copy. First match wins:
 *
 *     the stream waits at the copy ------------> schema-skew, parked   (retrying: within the deadline not yet)
 *     an event the copy's position is not past -> wait within the deadline, then lagging (in a tick) or in-flight (in none)
 *     -- from here on the copy has done all that the owner's snapshot shows, and still differs: divergence by proof --
 *     a person skipped an event ----------------> skipped
 *     the versions it reached lack the last one -> lost-in-transport
 *     no event ever ----------------------------> orphan (copy only), never-published (owner has it)
 *     deleted with a tombstone, copy has it ----> lost-delete (made again behind the book: conflicting-write)
 *     deleted, or changed, without an event ----> never-published
 *     the copy written after the book of it ----> conflicting-write (a replica's; a handler may write in a savepoint)
 *     ... and it holds an earlier version -------> regressed
 *     written together with it, not as told ----> misapplied
 *     else -------------------------------------> diverged
 *
 * The copy is read before the owner. Whatever the owner's later snapshot shows, the copy's earlier position is asked
 * about all of it, so nothing can have happened in between that would make the comparison unfair.
 */
import { briefText, canonicalText, type Kind, sameValue } from '../../digest/digest.ts'
import { type Cause, keyText, type Verdict } from '../../invariant/invariant.ts'
import type { KeyState, Shape } from '../compare.ts'
import {
  type CopyEvidence,
  covers,
  type EventFact,
  type OwnerEvidence,
  type PositionFact,
  type StreamFact,
} from './evidence.ts'
import { isVisible } from './snapshot.ts'

/** Everything that is known of one key. */
export interface KeyEvidence {
  readonly shape: Shape
  readonly state: KeyState
  /** `rowText` of the key. */
  readonly text: string
  readonly stream: string
  readonly deadlineMs: number
  readonly owner: OwnerEvidence
  readonly copy: CopyEvidence
}

/** A verdict with its sentence, or how long it is too early for one. */
export type Classification =
  | { readonly kind: 'verdict'; readonly verdict: Verdict; readonly because: string; readonly cause?: Cause }
  | {
      readonly kind: 'wait'
      readonly againInMs: number
      /** The oldest version that the copy is not past; later at the next look when it is getting on. */
      readonly version: number
    }

/** Classifies a key whose sides differ. */
export function classify(evidence: KeyEvidence): Classification {
  return waiting(evidence) ?? uncovered(evidence) ?? left(evidence) ?? byOwner(evidence) ?? byCopy(evidence)
}

type Maybe = Classification | undefined

/** The copy set the stream aside. */
function waiting({ stream, copy, deadlineMs }: KeyEvidence): Maybe {
  const parked = copy.parked.get(stream)
  if (parked === undefined) return undefined
  const at = parked.version === undefined ? '' : ` at version ${parked.version}`
  const why = `${parked.consumer} set ${stream} aside${at}: ${parked.message} (${parked.code})`
  const cause = { consumer: parked.consumer, code: parked.code, since: isoOf(parked.sinceMs) }
  if (parked.code === 'contract/unknown-schema-version') return verdict('schema-skew', why, cause)
  const waitedMs = copy.nowMs - parked.sinceMs
  if (parked.state === 'retrying' && waitedMs <= deadlineMs)
    return { kind: 'wait', againInMs: deadlineMs - waitedMs + 1, version: parked.version ?? 0 }
  return verdict('parked', why, cause)
}

/** The copy has not yet got to an event. */
function uncovered(evidence: KeyEvidence): Maybe {
  const { owner, copy, stream, deadlineMs } = evidence
  const events = owner.streams.get(stream)?.events ?? []
  const late = events.findLast((event) => !isCovered(copy.positions, event, owner.epoch))
  if (late === undefined) return undefined
  const ageMs = owner.nowMs - late.atMs
  if (ageMs <= deadlineMs) return { kind: 'wait', againInMs: deadlineMs - ageMs + 1, version: late.version }
  const who = behind(copy.positions, late, owner.epoch)
  const what = `version ${late.version} of ${stream} (${late.type}) was committed ${Math.round(ageMs / 1000)} s ago`
  const inTick = owner.tick !== undefined && isTicked(owner, late)
  const since = isoOf(late.atMs)
  if (!inTick) return verdict('in-flight', `${what} and no tick holds it yet`, { since })
  return verdict('lagging', `${what} and ${who} has not got to it`, { consumer: who, since })
}

/** The copy is past everything, but an event was left out on the way. */
function left(evidence: KeyEvidence): Maybe {
  const { owner, copy, stream, shape } = evidence
  const version = owner.streams.get(stream)?.version ?? 0
  const skipped = copy.skipped.get(stream)
  if (skipped !== undefined && isExplainedBy(skipped.version, evidence))
    return verdict('skipped', `${skipped.by} skipped version ${skipped.version} of ${stream}: ${skipped.reason}`, {
      consumer: skipped.consumer,
    })
  const reached = copy.applied?.get(stream)?.version ?? 0
  if (copy.applied === undefined || reached >= version) return undefined
  return verdict(
    'lost-in-transport',
    `${shape.sideNames[1]} is past version ${version} of ${stream} but applied only version ${reached}`,
  )
}

/**
 * Whether leaving a version out is why the sides differ: it is the last, or the last that says anything of the columns
 * that differ. What was skipped a year ago explains nothing that later versions have told since.
 */
function isExplainedBy(version: number, { owner, stream, shape, state }: KeyEvidence): boolean {
  const known = owner.streams.get(stream)
  if (known === undefined || version >= known.version) return true
  const [ownerRow, copyRow] = [state.images[0]?.[0], state.images[1]?.[0]]
  if (ownerRow === undefined || copyRow === undefined) return false
  const told = toldBy(known, shape)
  return shape.columnNames.every((column, c) => {
    if (sameValue(shape.kinds[c] ?? 'text', ownerRow[c] ?? null, copyRow[c] ?? null)) return true
    return told.get(column)?.version === version
  })
}

/** The owner's row is not what its log says, or the owner has no row. */
function byOwner(evidence: KeyEvidence): Maybe {
  const { shape, state, stream, owner } = evidence
  const [ownerName, copyName] = shape.sideNames
  const [ownerRow, copyRow] = [state.images[0]?.[0], state.images[1]?.[0]]
  const known = owner.streams.get(stream)
  if (known === undefined) {
    if (ownerRow === undefined)
      return verdict(
        'orphan',
        `${copyName} has it, but ${ownerName} does not, and its log has never had an event of ${stream}`,
      )
    return verdict('never-published', `${ownerName} has it, but its log has never had an event of ${stream}`)
  }
  const last = known.events[0]
  if (last === undefined) return undefined
  const isDeleted = last.op === 'd'
  if (ownerRow === undefined) {
    // An erasure may remove the row too, and says so to consumers as well.
    if ((isDeleted || last.op === 'x') && !isBehindTheBook(evidence))
      return verdict(
        'lost-delete',
        `${ownerName} deleted it with version ${last.version} of ${stream}, ${copyName} is past that and has it`,
      )
    if (isDeleted || last.op === 'x') return undefined
    return verdict(
      'never-published',
      `${ownerName} has deleted it, but the last event of ${stream}, version ${last.version} (${last.type}), is no deletion`,
    )
  }
  if (isDeleted)
    return verdict(
      'never-published',
      `${ownerName} has it, but the last event of ${stream}, version ${last.version}, deleted it`,
    )
  if (copyRow === undefined) return undefined
  const told = toldBy(known, shape)
  const same = (c: number, a: string | null, b: string | null | undefined) =>
    sameValue(shape.kinds[c] ?? 'text', a, b ?? null)
  const silent = shape.columnNames.filter((column, c) => {
    const said = told.get(column)?.text
    // Only where the copy holds what the log says is it proved that the owner is the one who deviates.
    return said !== undefined && !same(c, said, ownerRow[c]) && same(c, said, copyRow[c])
  })
  if (silent.length === 0) return undefined
  return verdict(
    'never-published',
    `${copyName} holds the ${silent.join(', ')} of version ${last.version} of ${stream}, ${ownerName} was changed without an event`,
  )
}

/** The log says what the owner's row says; something happened at the copy. */
function byCopy(evidence: KeyEvidence): Classification {
  const { shape, state, stream, owner, copy, text } = evidence
  const copyName = shape.sideNames[1]
  const known = owner.streams.get(stream)
  const last = known?.events[0]
  const age = copy.rowAges.get(text)
  const past =
    last === undefined
      ? `has done all that ${owner.tick === undefined ? 'the log' : `tick ${owner.tick.id}`} shows`
      : `is past version ${last.version} of ${stream}`
  if (age !== undefined && last !== undefined) {
    if (isBehindTheBook(evidence)) {
      const earlier = earlierVersion(evidence, known)
      if (earlier !== undefined)
        return verdict(
          'regressed',
          `${copyName} ${past} and was overwritten after that with what version ${earlier} says`,
        )
      return verdict('conflicting-write', `${copyName} ${past} and was written after that, without an event`)
    }
    // Younger than a position may also be the handler itself: in a savepoint rows look younger than their transaction.
    if (age === bookAgeOf(evidence, last) && deviates(evidence, known))
      return verdict(
        'misapplied',
        `${copyName} was written together with the position that ${past.replace(/^is/, 'was')}, and holds something else`,
      )
  }
  const missing = state.images[1]?.length === 0 ? 'has no such row' : 'holds something else'
  return verdict('diverged', `${copyName} ${past} and ${missing}`)
}

/**
 * Whether the copy's row is younger than the book that a replica kept of it. Both are written by the same statements, in
 * one transaction and outside of any savepoint: whoever wrote later was not the replica.
 */
function isBehindTheBook({ copy, state, text }: KeyEvidence): boolean {
  const kept = copy.bookAges.get(keyText(state.key))
  const age = copy.rowAges.get(text)
  return kept !== undefined && age !== undefined && age < kept
}

/**
 * How many transactions ago something was last done here by the book. A replica keeps book of each row; otherwise the
 * lane's newest position and the stream's applied version say only that nothing was done later.
 */
function bookAgeOf({ copy, state, stream }: KeyEvidence, last: EventFact): number {
  const kept = copy.bookAges.get(keyText(state.key))
  if (kept !== undefined) return kept
  const ofLane = copy.positions.filter((position) => position.lane === last.lane).map((position) => position.age)
  return Math.min(...ofLane, copy.applied?.get(stream)?.age ?? Number.POSITIVE_INFINITY)
}

/** Whether the copy's row contradicts what the log says of a column. */
function deviates({ shape, state }: KeyEvidence, known: StreamFact | undefined): boolean {
  const copyRow = state.images[1]?.[0]
  if (known === undefined || copyRow === undefined) return false
  const told = toldBy(known, shape)
  return shape.columnNames.some((column, c) => {
    const said = told.get(column)?.text
    return said !== undefined && !sameValue(shape.kinds[c] ?? 'text', said, copyRow[c] ?? null)
  })
}

/**
 * The newest version before the last whose events, up to it, say just what the copy's row holds. Only where they say
 * something of every column: a row that agrees with half a version is somebody's own writing.
 */
function earlierVersion({ shape, state }: KeyEvidence, known: StreamFact | undefined): number | undefined {
  const copyRow = state.images[1]?.[0]
  if (known === undefined || copyRow === undefined) return undefined
  for (let n = 1; n < known.events.length; n += 1) {
    const events = known.events.slice(n)
    if (events[0]?.op === 'd' || events[0]?.op === 'x') return undefined
    const told = toldBy({ ...known, events }, shape)
    const isHeld = shape.columnNames.every((column, c) => {
      const said = told.get(column)?.text
      return said !== undefined && sameValue(shape.kinds[c] ?? 'text', said, copyRow[c] ?? null)
    })
    if (isHeld) return events[0]?.version
  }
  return undefined
}

/** What an event says of a column. */
interface Told {
  readonly text: string | null
  readonly version: number
}

/**
 * What the events say of each column: the newest field of its name, `fullName` meaning `full_name`. Fields that cannot
 * be a value of the column's kind say nothing.
 */
function toldBy(known: StreamFact, shape: Shape): ReadonlyMap<string, Told> {
  const told = new Map<string, Told>()
  for (const event of known.events) {
    if (event.op === 'd' || event.op === 'x') break
    if (typeof event.data !== 'object' || event.data === null) continue
    const fields = new Map(Object.entries(event.data).map(([name, value]) => [plain(name), value]))
    shape.columnNames.forEach((column, c) => {
      if (told.has(column) || !fields.has(plain(column))) return
      const text = textOf(shape.kinds[c] ?? 'text', fields.get(plain(column)))
      if (text !== undefined) told.set(column, { text, version: event.version })
    })
  }
  return told
}

function textOf(kind: Kind, value: unknown): string | null | undefined {
  try {
    // Rows are read with their long values brief.
    return briefText(kind, canonicalText(kind, value))
  } catch {
    return undefined
  }
}

function plain(name: string): string {
  return name.replaceAll('_', '').toLowerCase()
}

/** Whether every consumer is past an event; without any there is nobody who could be. */
function isCovered(positions: readonly PositionFact[], event: EventFact, epoch: number): boolean {
  const ofLane = positions.filter((position) => position.lane === event.lane)
  const consumers = new Set(positions.map((position) => position.consumer))
  return (
    ofLane.length === consumers.size && ofLane.every((position) => position.epoch === epoch && covers(position, event))
  )
}

function behind(positions: readonly PositionFact[], event: EventFact, epoch: number): string {
  const late = positions.filter(
    (position) => position.lane === event.lane && !(position.epoch === epoch && covers(position, event)),
  )
  return [...new Set(late.map((position) => position.consumer))].sort().join(', ') || 'the consumer'
}

function isTicked(owner: OwnerEvidence, event: EventFact): boolean {
  return owner.tick !== undefined && isVisible(event.xid, owner.tick.snapshot)
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}

function verdict(name: Verdict, because: string, cause?: Cause): Classification {
  return { kind: 'verdict', verdict: name, because, ...(cause === undefined ? {} : { cause }) }
}
