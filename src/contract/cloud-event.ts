/**
 * CloudEvents 1.0 in JSON: the wire format of the transports.
 *
 * The service is the `source`, the event's id the `id`. The position in the owner's log travels in extension
 * attributes, and `selvedge: '1'` says that they are all there: a message without it comes from a stranger and is
 * taken by its id. Numbers that may exceed 32 bits are text, as the specification's integers end there.
 */
import { refused, type SelvedgeError } from '../base/error.ts'
import type { EnvelopeEvent } from './envelope.ts'

/** A message as it arrived: an event with its position, or one of a stranger. */
export type CloudEventMessage = PositionedMessage | StrangerMessage

/** A message of a service that runs Selvedge. */
export interface PositionedMessage {
  readonly kind: 'event'
  readonly event: EnvelopeEvent
}

/** A message with an identity but no position: applied once by its id, in no promised order. */
export interface StrangerMessage {
  readonly kind: 'stranger'
  readonly source: string
  readonly id: string
  readonly type: string
  readonly at: Date | undefined
  readonly subject: string | undefined
  readonly traceparent: string | undefined
  readonly data: unknown
  /** Every other attribute, as it came. */
  readonly extensions: Readonly<Record<string, unknown>>
}

/** The media type of the text that `encode` returns. */
export const cloudEventContentType = 'application/cloudevents+json'

/** The codec of CloudEvents 1.0 in JSON. */
export const cloudEvent = { encode, decode } as const

/** The version of our extension attributes. */
const wireVersion = '1'

/** Writes an event with its position. */
function encode(event: EnvelopeEvent): string {
  return JSON.stringify({
    specversion: '1.0',
    id: event.id,
    source: event.source,
    type: event.type,
    subject: event.subject,
    time: event.at.toISOString(),
    datacontenttype: 'application/json',
    selvedge: wireVersion,
    epoch: event.epoch,
    tick: String(event.tick),
    seq: String(event.seq),
    lane: event.lane,
    stream: event.stream,
    version: String(event.version),
    schemaversion: event.schemaVersion,
    op: event.op,
    traceparent: event.traceparent,
    correlation: event.correlation,
    causation: event.causation,
    headers: event.headers === undefined ? undefined : JSON.stringify(event.headers),
    data: event.data,
  })
}

/**
 * Reads a message.
 *
 * @throws Refused `contract/invalid-envelope` when it is no CloudEvent 1.0 in JSON, or says that it carries a
 *   position and does not.
 */
function decode(text: string): CloudEventMessage {
  const value = parse(text)
  if (value.specversion !== '1.0') throw invalid('specversion is not 1.0')
  const message = {
    source: textOf(value, 'source'),
    id: textOf(value, 'id'),
    type: textOf(value, 'type'),
    data: dataOf(value),
  }
  if (value.selvedge === undefined) return stranger(value, message)
  if (value.selvedge !== wireVersion) throw invalid('its selvedge attributes are of another version')
  return { kind: 'event', event: positioned(value, message) }
}

type Attributes = Readonly<Record<string, unknown>>
type Core = Pick<EnvelopeEvent, 'source' | 'id' | 'type' | 'data'>

function positioned(value: Attributes, core: Core): EnvelopeEvent {
  const at = timeOf(value)
  if (at === undefined) throw invalid('time is missing')
  return {
    ...core,
    epoch: integerOf(value, 'epoch'),
    tick: integerOf(value, 'tick'),
    seq: integerOf(value, 'seq'),
    lane: integerOf(value, 'lane'),
    stream: textOf(value, 'stream'),
    version: integerOf(value, 'version'),
    schemaVersion: integerOf(value, 'schemaversion'),
    op: opOf(value.op),
    at,
    ...optional(value, 'traceparent'),
    ...optional(value, 'correlation'),
    ...optional(value, 'causation'),
    ...optional(value, 'subject'),
    ...headersOf(value),
  }
}

const known = new Set(
  'specversion id source type subject time datacontenttype dataschema traceparent data data_base64'.split(' '),
)

function stranger(value: Attributes, core: Core): StrangerMessage {
  return {
    kind: 'stranger',
    ...core,
    at: timeOf(value),
    subject: optional(value, 'subject').subject,
    traceparent: optional(value, 'traceparent').traceparent,
    extensions: Object.fromEntries(Object.entries(value).filter(([name]) => !known.has(name))),
  }
}

function parse(text: string): Attributes {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own message quotes the text.
    throw invalid('it is no JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('it is no JSON object')
  return value as Record<string, unknown>
}

function textOf(value: Attributes, name: string): string {
  const text = value[name]
  if (typeof text !== 'string' || text === '') throw invalid(`${name} is missing or no text`)
  return text
}

function optional<Name extends string>(value: Attributes, name: Name): { readonly [K in Name]?: string } {
  const text = value[name]
  if (text === undefined || text === null) return {}
  if (typeof text !== 'string' || text === '') throw invalid(`${name} is no text`)
  return { [name]: text } as { readonly [K in Name]?: string }
}

/** Transports that carry attributes as headers make text of every number, so both forms are read. */
function integerOf(value: Attributes, name: string): number {
  const given = value[name]
  const number = typeof given === 'string' && /^\d{1,16}$/.test(given) ? Number(given) : given
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number
  throw invalid(`${name} is missing or no integer`)
}

function timeOf(value: Attributes): Date | undefined {
  const { time } = optional(value, 'time')
  if (time === undefined) return undefined
  const at = new Date(time)
  if (Number.isNaN(at.getTime())) throw invalid('time is no time')
  return at
}

const ops: ReadonlySet<unknown> = new Set<EnvelopeEvent['op']>(['event', 'state', 'tombstone', 'erase'])

function opOf(op: unknown): EnvelopeEvent['op'] {
  if (ops.has(op)) return op as EnvelopeEvent['op']
  throw invalid('op is missing or unknown')
}

function dataOf(value: Attributes): unknown {
  if (value.data_base64 !== undefined) throw invalid('it carries binary data')
  return value.data
}

function headersOf(value: Attributes): { readonly headers?: Readonly<Record<string, string>> } {
  const { headers } = optional(value, 'headers')
  if (headers === undefined) return {}
  const entries = Object.entries(parse(headers))
  if (entries.some(([, text]) => typeof text !== 'string')) throw invalid('headers are no text')
  return { headers: Object.fromEntries(entries) as Record<string, string> }
}

function invalid(why: string): SelvedgeError {
  return refused(
    'contract/invalid-envelope',
    `a message is no CloudEvent 1.0 of ours: ${why}`,
    'Send CloudEvents 1.0 in JSON with JSON data, or configure the codec that the sender uses.',
    { why },
  )
}
