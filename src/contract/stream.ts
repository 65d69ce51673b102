/** Which stream an event belongs to. Events of one stream are applied in order, so the key is part of the contract. */
import { refused } from '../base/error.ts'
import type { Entity } from './entity.ts'

/** The longest stream name in bytes of UTF-8. Streams are in the primary key of several tables, and index rows are short. */
export const streamBytesMax = 512

/** What decides the stream of an event. */
export interface StreamRule<D> {
  readonly event: string
  readonly about: Entity | undefined
  readonly key: ((data: D) => string | number) | undefined
}

/** The function that names the stream of an event's data: `User/42`, or the event's name when nothing names a key. */
export function streamNamer<D>({ event, about, key }: StreamRule<D>): (data: D) => string {
  const first = about?.name ?? event
  if (key !== undefined) return (data) => join(event, first, key(data))
  if (about === undefined) return () => event
  const own = about.key
  const foreign = `${about.name.charAt(0).toLowerCase()}${about.name.slice(1)}Id`
  return (data) => join(event, first, fieldKey(event, data, own, foreign))
}

function fieldKey(event: string, data: unknown, own: string, foreign: string): unknown {
  if (typeof data !== 'object' || data === null) return undefined
  const byOwn = Object.hasOwn(data, own) ? (data as Record<string, unknown>)[own] : undefined
  if (own === foreign || !Object.hasOwn(data, foreign)) return byOwn
  const byForeign = (data as Record<string, unknown>)[foreign]
  // An event with an `id` of its own beside `userId` would land in a stream nobody else uses, silently.
  if (byOwn !== undefined && byForeign !== undefined && byOwn !== byForeign) {
    throw refused(
      'contract/invalid-stream',
      `the data of ${event} has both "${own}" and "${foreign}", and they differ`,
      `Say which one names the stream: key: (data) => data.${foreign}.`,
      { event, fields: [own, foreign] },
    )
  }
  return byOwn ?? byForeign
}

function join(event: string, first: string, key: unknown): string {
  const text = typeof key === 'number' && Number.isFinite(key) ? String(key) : key
  if (typeof text !== 'string' || text === '') {
    throw invalid(event, text === '' ? 'is empty' : `is ${text === null ? 'null' : typeof text}, not text`)
  }
  if (text.includes('\0')) throw invalid(event, 'holds a NUL character')
  const stream = `${first}/${text}`
  // UTF-8 takes at most three bytes for one UTF-16 unit, so short names need no counting.
  if (stream.length * 3 > streamBytesMax && Buffer.byteLength(stream) > streamBytesMax) {
    throw invalid(event, `makes a stream of ${Buffer.byteLength(stream)} bytes, more than ${streamBytesMax}`)
  }
  return stream
}

function invalid(event: string, why: string) {
  return refused(
    'contract/invalid-stream',
    `the key of ${event} ${why}`,
    'The key names the stream: give the identifier of the entity as a short, non-empty string or a number.',
    { event },
  )
}
