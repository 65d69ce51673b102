/**
 * What positions prove of a key that differs between an owner and its copy. First match wins:
 *
 *     the stream waits at the copy ------------> schema-skew, parked   (retrying: within the deadline not yet)
 *     an event the copy's position is not past -> wait within the deadline, then lagging (in a tick) or in-flight (in none)
 *     -- from here on the copy has done all that the owner's snapshot shows, and still differs: divergence by proof --
 *     a person skipped what makes the difference -> skipped
 *     the versions it reached lack the last one -> lost-in-transport
 *     a replica's book fell behind the position -> regressed
 *     no event ever ----------------------------> orphan (copy only), never-published (owner has it)
 *     deleted with a tombstone, copy has it ----> lost-delete (made again behind the book: conflicting-write)
 *     deleted, or changed, without an event ----> never-published
 *     a replica's row is gone, or was written, after the book of it -> conflicting-write
 *     ... and it holds an earlier version -------> regressed
 *     written with the last version, not as told -> misapplied
 *     else -------------------------------------> diverged
 *
 * The copy is read before the owner. Whatever the owner's later snapshot shows, the copy's earlier position is asked
 * about all of it, so nothing can have happened in between that would make the comparison unfair.
 *
 * Where several consumers read the owner and nobody says which of them keeps the copy, what one of them did is a cause only
 * while the row may be what that makes of it.
 */
import { type Cause, keyText, type Verdict } from '../../invariant/invariant.ts'
import type { KeyState, Shape } from '../compare.ts'
import {
  type BookFact,
  type CopyEvidence,
  covers,
  type EventFact,
  type OwnerEvidence,
  type PositionFact,
  type StreamFact,
} from './evidence.ts'
import { isVisible } from './snapshot.ts'
import { earlierVersionOf, mayBeOf, sameIn, toldBy } from './told.ts'

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

/** The evidence with what is asked of it again and again. */
interface Case extends KeyEvidence {
  readonly known: StreamFact | undefined
  readonly book: BookFact | undefined
  /** Nobody says which of several consumers keeps the copy. */
  readonly isAnyones: boolean
}

/** Classifies a key whose sides differ. */
export function classify(evidence: KeyEvidence): Classification {
  const { owner, copy, stream, state } = evidence
  const one: Case = {
    ...evidence,
    known: owner.streams.get(stream),
    book: copy.book?.rows.get(keyText(state.key)),
    isAnyones: new Set(copy.positions.map(({ consumer }) => consumer)).size > 1,
  }
  return waiting(one) ?? uncovered(one) ?? left(one) ?? wentBack(one) ?? byOwner(one) ?? byCopy(one)
}

type Maybe = Classification | undefined

/** The copy set the stream aside. */
function waiting(one: Case): Maybe {
  const { stream, copy, deadlineMs } = one
  const parked = copy.parked.get(stream)?.find(({ version = 1 }) => mayBeKeptUpTo(one, version - 1))
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
function uncovered(one: Case): Maybe {
  const { owner, copy, stream, deadlineMs, known } = one
  const late = known?.events.findLast((event) => !isCovered(copy.positions, event, owner.epoch))
  if (late === undefined) return undefined
  const ageMs = owner.nowMs - late.atMs
  if (ageMs <= deadlineMs) return { kind: 'wait', againInMs: deadlineMs - ageMs + 1, version: late.version }
  const who = behind(copy.positions, late, owner.epoch)
  const what = `version ${late.version} of ${stream} (${late.type}) was committed ${Math.round(ageMs / 1000)} s ago`
  const since = isoOf(late.atMs)
  if (!upTo(one, late.version - 1).some((version) => mayBeKeptUpTo(one, version)))
    return verdict('diverged', `${what} and ${who} has not got to it, but no version of it is what the copy holds`)
  const inTick = owner.tick !== undefined && isTicked(owner, late)
  if (!inTick) return verdict('in-flight', `${what} and no tick holds it yet`, { since })
  return verdict('lagging', `${what} and ${who} has not got to it`, { consumer: who, since })
}

/** The copy is past everything, but an event was left out on the way. */
function left(one: Case): Maybe {
  const { stream, copy, shape, known, book } = one
  const skipped = copy.skipped.get(stream)?.find(({ consumer }) => isLeftOutBy(consumer, one))
  if (skipped !== undefined)
    return verdict('skipped', `${skipped.by} skipped version ${skipped.version} of ${stream}: ${skipped.reason}`, {
      consumer: skipped.consumer,
    })
  const version = known?.version ?? 0
  for (const [consumer, streams] of copy.applied) {
    const reached = Math.max(streams.get(stream)?.version ?? -1, book?.version ?? -1)
    // A handler may have begun after a stream that it has no version of; a replica's book has each row, however it came.
    const isUnknown = reached < 0 && copy.book === undefined
    if (isUnknown || Math.max(reached, 0) >= version || !mayBeKeptUpTo(one, Math.max(reached, 0))) continue
    const what = reached > 0 ? `only version ${reached}` : 'none of it'
    return verdict(
      'lost-in-transport',
      `${shape.sideNames[1]} is past version ${version} of ${stream} but applied ${what}`,
      {
        consumer,
      },
    )
  }
  return undefined
}

/**
 * Whether what a consumer left out is why the sides differ: of all columns that do, the last word was left out, and the copy
 * may hold what the others make. What was skipped a year ago explains nothing that later versions have told since.
 */
function isLeftOutBy(consumer: string, one: Case): boolean {
  const { copy, stream, known, shape, state } = one
  if (known === undefined || known.events.length === 0) return true
  const skipped = new Set((copy.skipped.get(stream) ?? []).flatMap((f) => (f.consumer === consumer ? [f.version] : [])))
  const [ownerRow, copyRow] = [state.images[0]?.[0], state.images[1]?.[0]]
  // Without the event that made the row, later ones may have found nothing to change.
  if (copyRow === undefined) return skipped.has(madeBy(known.events)?.version ?? known.version)
  const others = known.events.filter(({ version }) => !skipped.has(version))
  if (!mayBeOf(one, others)) return false
  if (ownerRow === undefined) return skipped.has(known.version)
  const told = toldBy(known.events, shape)
  return shape.columnNames.every(
    (column, c) => sameIn(shape, c, ownerRow[c], copyRow[c]) || skipped.has(told.get(column)?.version ?? known.version),
  )
}

/** The oldest of the newest events that no deletion separates. */
function madeBy(events: readonly EventFact[]): EventFact | undefined {
  const deleted = events.findIndex(({ op }) => op === 'd')
  return (deleted < 0 ? events : events.slice(0, deleted)).at(-1)
}

/**
 * A replica's book was written after the last version was done, and is at an earlier one, with an event of the same type
 * between: no event writes a book so, it was taken from an earlier time, as out of a backup. An older book may be of a mapping
 * that passes some events over.
 */
function wentBack(one: Case): Maybe {
  const { copy, shape, stream, known, book } = one
  if (copy.book?.isOwnerOnly !== true || book === undefined || known === undefined) return undefined
  const taken = known.events.find(({ version }) => version === book.version)
  const later = known.events.find(({ version, type }) => version > book.version && type === taken?.type)
  if (later === undefined || book.age >= doneAge(one) || !mayBeOf(one, eventsUpTo(known, book.version)))
    return undefined
  return verdict(
    'regressed',
    `${shape.sideNames[1]} was, with the book of it, put back to version ${book.version} after version ${later.version} of ${stream} was done`,
  )
}

/** How many transactions ago the last version was done at the latest: by its own mark, or by the lane's newest position. */
function doneAge({ copy, stream, known }: Case): number {
  const marks = [...copy.applied.values()].flatMap((streams) => streams.get(stream) ?? [])
  const mark = marks.find(({ version }) => version === known?.version)
  const lane = known?.events[0]?.lane
  const ofLane = copy.positions.filter((position) => position.lane === lane).map((position) => position.age)
  return mark?.age ?? Math.min(...ofLane)
}

/** The owner's row is not what its log says, or the owner has no row. */
function byOwner(one: Case): Maybe {
  const { shape, state, stream, known } = one
  const [ownerName, copyName] = shape.sideNames
  const [ownerRow, copyRow] = [state.images[0]?.[0], state.images[1]?.[0]]
  if (known === undefined) return withoutEvents(one)
  const last = known.events[0]
  if (last === undefined) return undefined
  // An erasure may remove the row too, and says so to consumers as well.
  const isEnded = last.op === 'd' || last.op === 'x'
  if (ownerRow === undefined) {
    if (isEnded && isBehindTheBook(one)) return undefined
    if (isEnded)
      return verdict(
        'lost-delete',
        `${ownerName} deleted it with version ${last.version} of ${stream}, ${copyName} is past that and has it`,
      )
    // After a tombstone, an event that tells nothing of the row may be about something else: nobody can tell.
    if (toldBy(known.events, shape).size === 0 && known.events.some(({ op }) => op === 'd')) return undefined
    return verdict(
      'never-published',
      `${ownerName} has deleted it, but the last event of ${stream}, version ${last.version} (${last.type}), is no deletion`,
    )
  }
  if (last.op === 'd')
    return verdict(
      'never-published',
      `${ownerName} has it, but the last event of ${stream}, version ${last.version}, deleted it`,
    )
  if (copyRow === undefined) return undefined
  const told = toldBy(known.events, shape)
  const silent = shape.columnNames.filter((column, c) => {
    const said = told.get(column)?.text
    // Only where the copy holds what the log says is it proved that the owner is the one who deviates.
    return said !== undefined && !sameIn(shape, c, said, ownerRow[c]) && sameIn(shape, c, said, copyRow[c])
  })
  if (silent.length === 0) return undefined
  return verdict(
    'never-published',
    `${copyName} holds the ${silent.join(', ')} of version ${last.version} of ${stream}, ${ownerName} holds what no event says`,
  )
}

/** The log has never had an event of the stream; a replica may still have heard of the row by a refresh. */
function withoutEvents(one: Case): Maybe {
  const { shape, state, stream, book } = one
  const [ownerName, copyName] = shape.sideNames
  const [ownerRow, copyRow] = [state.images[0]?.[0], state.images[1]?.[0]]
  const never = `its log has never had an event of ${stream}`
  if (ownerRow === undefined) {
    if (book === undefined) return verdict('orphan', `${copyName} has it, but ${ownerName} does not, and ${never}`)
    return verdict('never-published', `${ownerName} told of it once and has it no more, and ${never}`)
  }
  if (copyRow === undefined && book?.hasRow !== true)
    return verdict('never-published', `${ownerName} has it, but ${never}`)
  if (copyRow === undefined || isBehindTheBook(one)) return undefined
  // Rows that were there before the log are on both sides without an event: without a book, either may have changed.
  return book === undefined
    ? undefined
    : verdict('never-published', `${ownerName} told of it once and was changed since, but ${never}`)
}

/** The log says what the owner's row says; something happened at the copy. */
function byCopy(one: Case): Classification {
  const { shape, state, stream, owner, known, book } = one
  const copyName = shape.sideNames[1]
  const last = known?.events[0]
  const past =
    last === undefined
      ? `has done all that ${owner.tick === undefined ? 'the log' : `tick ${owner.tick.id}`} shows`
      : `is past version ${last.version} of ${stream}`
  const isMissing = state.images[1]?.length === 0
  if (isMissing && book?.hasRow === true)
    return verdict(
      'conflicting-write',
      `${copyName} ${past} and had it then: it was deleted after that, without an event`,
    )
  if (isBehindTheBook(one)) {
    const earlier = earlierVersionOf(one)
    if (earlier !== undefined)
      return verdict(
        'regressed',
        `${copyName} ${past} and was overwritten after that with what version ${earlier} says`,
      )
    return verdict('conflicting-write', `${copyName} ${past} and was written after that, without an event`)
  }
  const how = misapplied(one)
  if (how !== undefined) return verdict('misapplied', `${copyName} ${past}: ${how}`)
  return verdict('diverged', `${copyName} ${past} and ${isMissing ? 'has no such row' : 'holds something else'}`)
}

/**
 * Whether the copy's row is younger than the book that a replica kept of it. Both are written by the same statements, in
 * one transaction and outside of any savepoint: whoever wrote later was not the replica.
 */
function isBehindTheBook({ copy, book, text }: Case): boolean {
  const age = copy.rowAges.get(text)
  return book !== undefined && age !== undefined && age < book.age
}

/**
 * How the handler of a version is known to have written something else than it says; undefined where somebody else may have.
 *
 * A younger row is nobody's: a handler's savepoint makes rows look younger than its transaction. Columns of which an earlier
 * version had the last word prove nothing either: the row was written again with whatever was in them.
 */
function misapplied(one: Case): string | undefined {
  const { copy, book, text, known, stream, isAnyones } = one
  const age = copy.rowAges.get(text)
  const last = known?.events[0]
  // Where several services write a replica, another's word may be in it.
  if (age === undefined || last === undefined || copy.book?.isOwnerOnly === false) return undefined
  const how = (version: number, writtenAge: number, isKeeper: boolean) => {
    if (!deviates(one, version) || age < writtenAge) return undefined
    if (age === writtenAge) return `it was written together with version ${version}, and is not what that says`
    return isKeeper ? `version ${version} was done and left it as it was` : undefined
  }
  const marks = [...copy.applied.values()].flatMap((streams) => streams.get(stream) ?? [])
  const said = [
    ...(book === undefined ? [] : [how(book.version, book.age, true)]),
    ...marks.map((mark) => how(mark.version, mark.age, !isAnyones)),
    // Without a mark only the lane's newest position may have been stored with the row.
    ...(marks.length > 0 || book !== undefined ? [] : [how(last.version, doneAge(one), false)]),
  ]
  return said.find((sentence) => sentence !== undefined)
}

/** Whether the copy's row contradicts what a version, and the owner's row, say of a column. */
function deviates({ shape, state, known }: Case, version: number): boolean {
  const [ownerRow, copyRow] = [state.images[0]?.[0], state.images[1]?.[0]]
  if (known === undefined || ownerRow === undefined || copyRow === undefined) return false
  const told = toldBy(known.events, shape)
  return shape.columnNames.some((column, c) => {
    const said = told.get(column)
    return (
      said?.version === version && sameIn(shape, c, said.text, ownerRow[c]) && !sameIn(shape, c, said.text, copyRow[c])
    )
  })
}

/** Whether the copy may be kept by somebody who got as far as a version: that is sure where one consumer alone may keep it. */
function mayBeKeptUpTo(one: Case, version: number): boolean {
  return !one.isAnyones || one.known === undefined || mayBeOf(one, eventsUpTo(one.known, version))
}

function eventsUpTo({ events }: StreamFact, version: number): readonly EventFact[] {
  return events.filter((event) => event.version <= version)
}

/** A version and those after it. */
function upTo({ known }: Case, from: number): readonly number[] {
  return [from, ...(known?.events ?? []).flatMap(({ version }) => (version > from ? [version] : []))]
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
