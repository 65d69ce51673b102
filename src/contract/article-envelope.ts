/**
 * The JSON envelope of services that follow the article: `{eventType, version, timestamp, userId, data}`.
 *
 * It round-trips byte for byte: what was decoded and not changed is encoded with the very text it had, including
 * white space, the order of keys, number forms such as `1.0` and `1e3`, escapes, extra and repeated keys. So a relay
 * between two such services is invisible, and signatures over the bytes keep holding.
 */
import { refused, type SelvedgeError } from '../base/error.ts'
import type { EnvelopeEvent } from './envelope.ts'
import { type JsonMembers, splitMembers } from './json-text.ts'

/** A message in the article's envelope. Change a field by spreading: `{ ...envelope, userId: '7' }`. */
export interface ArticleEnvelope {
  readonly eventType: string
  /** `1.0` for schemaVersion 1. */
  readonly version: string
  /** ISO 8601. */
  readonly timestamp: string
  readonly userId: string | number
  readonly data: unknown
  /** The text it came from; absent in an envelope made by hand. */
  readonly origin?: ArticleOrigin
}

/** What decoding keeps for encoding: the text in pieces, and the values that were read from it. */
export interface ArticleOrigin extends JsonMembers {
  readonly read: Readonly<Record<ArticleField, unknown>>
}

type ArticleField = 'eventType' | 'version' | 'timestamp' | 'userId' | 'data'

const fields: readonly ArticleField[] = ['eventType', 'version', 'timestamp', 'userId', 'data']

/** The codec of the article's envelope. */
export const articleEnvelope = { decode, encode, schemaVersionOf } as const

/**
 * Reads an envelope.
 *
 * @throws Refused `contract/invalid-envelope` when the text is no JSON object with the five fields.
 */
function decode(text: string): ArticleEnvelope {
  const value = parse(text)
  const { eventType, version, timestamp, userId } = value
  if (typeof eventType !== 'string' || eventType === '') throw invalid('eventType is no text')
  if (typeof version !== 'string') throw invalid('version is no text')
  if (typeof timestamp !== 'string' || Number.isNaN(Date.parse(timestamp))) throw invalid('timestamp is no time')
  if (typeof userId !== 'string' && typeof userId !== 'number') throw invalid('userId is neither text nor a number')
  if (!Object.hasOwn(value, 'data')) throw invalid('data is missing')
  const read = { eventType, version, timestamp, userId, data: value.data }
  return { ...read, origin: { ...splitMembers(text), read } }
}

/**
 * Writes an envelope, or an event of the log in the article's form.
 *
 * The user of an event is the `userId` of its data, or the key of its stream when the stream is a user's.
 *
 * @throws Refused `contract/no-user-id` for an event that names no user.
 */
function encode(message: ArticleEnvelope | EnvelopeEvent): string {
  const envelope = 'eventType' in message ? message : fromEvent(message)
  const { origin } = envelope
  if (origin === undefined) {
    return JSON.stringify(Object.fromEntries(fields.map((field) => [field, envelope[field]])))
  }
  const { members, tail, read } = origin
  // A repeated key means its last occurrence, to every reader; the earlier ones are carried as they are.
  const lastOf = new Map(members.map(({ name }, index) => [name, index]))
  const pieces = members.map(({ name, lead, text }, index) => {
    const field = name as ArticleField
    const changed = Object.hasOwn(read, name) && lastOf.get(name) === index && !Object.is(envelope[field], read[field])
    return lead + (changed ? JSON.stringify(envelope[field]) : text)
  })
  return pieces.join('') + tail
}

/**
 * The schemaVersion that a version of the article stands for: 1 for `1.0`, 2 for `2.1`.
 *
 * @throws Refused `contract/invalid-envelope`.
 */
function schemaVersionOf(version: string): number {
  const major = /^([1-9]\d{0,8})(?:\.\d+)*$/.exec(version)?.[1]
  if (major === undefined) throw invalid('version is not of the form 1.0')
  return Number(major)
}

function fromEvent(event: EnvelopeEvent): ArticleEnvelope {
  return {
    eventType: event.type,
    version: `${event.schemaVersion}.0`,
    timestamp: event.at.toISOString(),
    userId: userOf(event),
    data: event.data ?? null,
  }
}

function userOf({ data, stream, type }: EnvelopeEvent): string | number {
  if (typeof data === 'object' && data !== null && Object.hasOwn(data, 'userId')) {
    const { userId } = data as { readonly userId: unknown }
    if (typeof userId === 'string' || typeof userId === 'number') return userId
  }
  const [, key] = /^User\/(.+)$/s.exec(stream) ?? []
  if (key !== undefined) return key
  throw refused(
    'contract/no-user-id',
    `the event ${type} names no user, which the article's envelope needs`,
    'Put userId into its data, publish it about the entity User, or send CloudEvents.',
    { type },
  )
}

function parse(text: string): Readonly<Record<string, unknown>> {
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

function invalid(why: string): SelvedgeError {
  return refused(
    'contract/invalid-envelope',
    `a message is not in the article's envelope: ${why}`,
    'Send {eventType, version, timestamp, userId, data}, or configure the codec that the sender uses.',
    { why },
  )
}
