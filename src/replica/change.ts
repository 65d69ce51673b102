/** From an event, or a row of the owner's, to the change that it means for a copy. Pure. */
import { refused } from '../base/error.ts'
import type { LoggedEvent } from '../log/event.ts'
import { type Change, sourceOf } from './conflict-state.ts'
import { type Declaration, eventOf, type Mapping } from './declaration.ts'

/** The header that carries the Lamport counter of a change, as decimal text. */
export const counterHeader = 'selvedge-counter'

/** A point in the log of the owner. */
export interface Cut {
  readonly epoch: number
  readonly tick: number
}

/** A row of the owner's, with the version that its stream had when it was read. */
export interface SnapshotRow {
  readonly key: string | number
  readonly version: number
  /** All fields of the entity; those that are not kept are passed over. */
  readonly data: Readonly<Record<string, unknown>>
  /** The Lamport counter of its newest change, needed where several services write the fields; or `data['selvedge-counter']`. */
  readonly counter?: number
}

/** Ticks of one epoch fit in 40 bits (a tick a millisecond for 34 years), so a cut is one number below 2^53. */
const ticksPerEpoch = 2 ** 40

/** A cut as one number that grows with epoch and tick. */
export function cutNumber({ epoch, tick }: Cut): number {
  return epoch * ticksPerEpoch + tick
}

/** The change that an event means, or undefined when this replica does not listen to it. */
export function changeOf(event: LoggedEvent, declaration: Declaration): Change | undefined {
  const { entity, sources } = declaration
  if (event.op === 'erase') return erasureOf(event, declaration)
  const source = sources.get(`${event.source}/${event.type}`)
  if (source === undefined) return undefined
  const mapping: Mapping | undefined =
    source.kind === 'mapped-event'
      ? (source.map(event.data, event) as Mapping | undefined)
      : { key: event.stream.slice(entity.name.length + 1), fields: event.data as Mapping['fields'] }
  return mapping && placed(event, mapping, declaration)
}

/** The stream itself says which row an erasure is about; one of another stream is looked up by its candidates. */
function erasureOf(event: LoggedEvent, declaration: Declaration): Change | undefined {
  const prefix = `${declaration.entity.name}/`
  if (!event.stream.startsWith(prefix)) return undefined
  if (event.source !== declaration.entity.service && declaration.isOwnerOnly) return undefined
  return withdrawal(event, event.stream.slice(prefix.length), declaration)
}

/** The change by which `event` takes back all that its stream said of `key`. */
export function withdrawal(event: LoggedEvent, key: string, declaration: Declaration): Change {
  return placed(event, { key, fields: {} }, declaration)
}

/**
 * An emptied event keeps its type, so that a reader who comes late learns as much as one who saw it full: that the row
 * was there, or was deleted.
 */
function opOf(event: LoggedEvent, { sources }: Declaration): Change['op'] {
  if (event.op !== 'erase') return event.op === 'tombstone' ? 'delete' : 'tell'
  const source = sources.get(`${event.source}/${event.type}`)
  if (source === undefined) return 'none'
  return eventOf(source).op === 'tombstone' ? 'delete' : 'tell'
}

function placed(event: LoggedEvent, mapping: Mapping, declaration: Declaration): Change {
  const { entity } = declaration
  const key = String(mapping.key)
  const isOwnStream = event.stream === `${entity.name}/${key}`
  const isOwner = event.source === entity.service && isOwnStream
  if (declaration.isOwnerOnly && !isOwner) throw foreignStream(event, key, declaration)
  const counter = mapping.counter ?? counterIn(event)
  // An erasure without a counter ends more, not less: see `erasureMark`.
  if (counter === undefined && declaration.needsCounters && event.op !== 'erase') throw noCounter(event, declaration)
  return {
    key,
    op: opOf(event, declaration),
    isErasure: event.op === 'erase',
    source: sourceOf(streamName(event, isOwnStream), mapping.writer),
    service: event.source,
    writer: mapping.writer,
    from: isOwner ? 'owner' : 'other',
    version: event.version,
    counter: counter ?? event.version,
    isStamped: counter !== undefined,
    id: event.id,
    // An event that was pulled to fill a gap knows no tick.
    cut: isOwner && event.tick >= 0 ? cutNumber(event) : 0,
    at: event.at,
    fields: mapping.fields,
  }
}

/** Versions are dense in one stream only, so each stream is a source; the usual one goes by its service's name. */
export function streamName(event: Pick<LoggedEvent, 'source' | 'stream'>, isOwnStream: boolean): string {
  return isOwnStream ? event.source : `${event.source}/${event.stream}`
}

/** The change that a row of the owner's means. */
export function changeOfRow(
  row: SnapshotRow,
  { cut, at }: { readonly cut: Cut | undefined; readonly at: Date },
  declaration: Declaration,
): Change {
  const { service } = declaration.entity
  const counter = row.counter ?? counterFrom(row.data[counterHeader])
  if (counter === undefined && declaration.needsCounters) throw noRowCounter(row, declaration)
  return {
    key: String(row.key),
    op: 'tell',
    isErasure: false,
    source: service,
    service,
    from: 'owner',
    version: row.version,
    counter: counter ?? row.version,
    isStamped: counter !== undefined,
    id: '',
    cut: cut === undefined ? 0 : cutNumber(cut),
    at,
    fields: row.data,
  }
}

function counterIn(event: LoggedEvent): number | undefined {
  return counterFrom(event.headers?.[counterHeader])
}

function counterFrom(value: unknown): number | undefined {
  return /^\d{1,15}$/.test(String(value)) ? Number(value) : undefined
}

function noCounter(event: LoggedEvent, { name }: Declaration) {
  return refused(
    'replica/no-counter',
    `${event.source}.${event.type} (${event.stream} version ${event.version}) carries no counter, and replica ${name} has fields whose policy depends on the order of services.`,
    `Write through change() of a replica and publish with the headers it returns, or return a counter from mapped(); clocks cannot stand in for it.`,
    { replica: name, event: event.type, stream: event.stream, version: event.version },
  )
}

function noRowCounter(row: SnapshotRow, { name }: Declaration) {
  return refused(
    'replica/no-counter',
    `The owner's row ${row.key} carries no counter, and replica ${name} has fields whose policy depends on the order of services.`,
    `Add the counter of its newest change to the data of the backfill query, as "${counterHeader}".`,
    { replica: name, key: String(row.key) },
  )
}

function foreignStream(event: LoggedEvent, key: string, { name, entity }: Declaration) {
  return refused(
    'replica/foreign-stream',
    `${event.type} of stream ${event.stream} was mapped to ${entity.name}/${key}: versions of two streams cannot be compared.`,
    'Where the owner wins in every field, map events of the row’s own stream only.',
    { replica: name, stream: event.stream, key },
  )
}
