/** The packets that the conformance suite sends, and how it compares them. */
import type { Message, Packet } from '../transport/transport.ts'

/** What tells packets apart. */
export function ids(packets: readonly Packet[]): string[] {
  return packets.map((packet) => (packet.kind === 'message' ? packet.id : `punctuation ${packet.toTick}`))
}

/** Compared as text with sorted keys, since a wire format may reorder them. */
export function texts(packets: readonly Packet[]): string[] {
  return packets.map((packet) => JSON.stringify(Object.entries(packet).toSorted(([a], [b]) => (a < b ? -1 : 1))))
}

/** The packets of one lane, in their order. */
export function ofLane(packets: readonly Packet[], lane: number): Packet[] {
  return packets.filter((packet) => packet.lane === lane)
}

/** `count` messages of a lane, on three streams. */
export function messagesOf({ lane, count }: { lane: number; count: number }): Message[] {
  return Array.from({ length: count }, (_, n) => message({ lane, seq: n + 1, id: `lane-${lane}-${n + 1}` }))
}

function message(given: Partial<Message> & { readonly id: string }): Message {
  const { lane = 0, seq = 1 } = given
  return {
    ...{ kind: 'message', source: 'user', epoch: 1, tick: Math.ceil(seq / 10), seq, lane },
    ...{ stream: `User/${lane}-${seq % 3}`, version: Math.ceil(seq / 3), type: 'UserRegistered', schemaVersion: 1 },
    ...{ op: 'event', at: '2026-03-02T08:00:00.000Z', data: `{"id":"learner-${seq}"}` },
    ...given,
  }
}

/** A packet that is sent last. */
export const marker = message({ id: 'marker', seq: 1_000_000, lane: 0 })

/** Whatever a wire format may trip over: quotes, line ends, other scripts, keys with a meaning, large numbers as text. */
export const awkward = message({
  id: 'awkward',
  stream: 'User/"O\'Hara"\n\u2028 \u{1f9f5} \u0627',
  data: '{"__proto__":{"a":1},"n":12345678901234567890,"s":"\\u0000\\ud83e\\uddf5 \\\\ \\" "}',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  correlation: '019a4f3e-6c1b-7c04-9d2a-3f1b8e7c5a60',
  headers: { 'x-origin': 'caf\u00e9' },
})

/** A lane without events. */
export const punctuation: Packet = {
  ...{ kind: 'punctuation', source: 'user', epoch: 1, lane: 3, fromTick: 4, toTick: 9, count: 0 },
}
