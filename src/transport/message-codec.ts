/** Between an event of the log, a message, and the text of a message. */
import { refused } from '../base/base.ts'
import type { LoggedEvent } from '../log/event.ts'
import type { Message, Packet, Punctuation } from './transport.ts'

/**
 * An event as a message.
 *
 * @throws refused `transport/no-data` when the event's data has no JSON text, such as `undefined`.
 * @example
 * await channel.send(events.map(toMessage))
 */
export function toMessage(event: LoggedEvent): Message {
  const { data, at, ...position } = event
  const text = JSON.stringify(data) as string | undefined
  if (text === undefined) {
    const help = 'Events of the log always have data; use null for an event without any.'
    throw refused('transport/no-data', `The event ${event.id} has no data.`, help, { id: event.id, type: event.type })
  }
  return { kind: 'message', ...position, at: at.toISOString(), data: text }
}

/** The event of a message; its data is parsed and not yet validated. */
export function toEvent(message: Message): LoggedEvent {
  const { kind: _, data, at, ...position } = message
  return { ...position, at: new Date(at), data: JSON.parse(data) as unknown }
}

/** A packet as one line of JSON. */
export function encodePacket(packet: Packet): string {
  return JSON.stringify(packet)
}

/**
 * The packet of a text.
 *
 * @throws refused `transport/no-packet` when the text is not one: strangers' messages are taken by other means.
 */
export function decodePacket(text: string): Packet {
  const packet = parsed(text)
  if (isPunctuation(packet) || isMessage(packet)) return packet
  const help = 'Send what encodePacket gives, or treat the message as one without a position.'
  throw refused('transport/no-packet', 'A message carries no position.', help, { start: text.slice(0, 80) })
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function isPunctuation(packet: object): packet is Punctuation {
  return hasKind(packet, 'punctuation') && has(packet, { source: 'string', ...numbers(punctuationNumbers) })
}

function isMessage(packet: object): packet is Message {
  return hasKind(packet, 'message') && has(packet, { ...texts(messageTexts), ...numbers(messageNumbers) })
}

const punctuationNumbers = ['epoch', 'lane', 'fromTick', 'toTick', 'count']
const messageNumbers = ['epoch', 'tick', 'seq', 'lane', 'version', 'schemaVersion']
const messageTexts = ['source', 'stream', 'id', 'type', 'op', 'at', 'data']

type Shape = Readonly<Record<string, 'string' | 'number'>>

function numbers(names: readonly string[]): Shape {
  return Object.fromEntries(names.map((name) => [name, 'number']))
}

function texts(names: readonly string[]): Shape {
  return Object.fromEntries(names.map((name) => [name, 'string']))
}

function has(packet: object, shape: Shape): boolean {
  const values = packet as Record<string, unknown>
  return Object.entries(shape).every(([name, type]) => Object.hasOwn(values, name) && typeof values[name] === type)
}

function hasKind(packet: object, kind: string): boolean {
  return Object.hasOwn(packet, 'kind') && (packet as { kind: unknown }).kind === kind
}
