import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LoggedEvent } from '../log/event.ts'
import { decodePacket, encodePacket, toEvent, toMessage } from './message-codec.ts'
import type { Punctuation } from './transport.ts'

const event: LoggedEvent = {
  ...{ source: 'user', epoch: 1, tick: 4, seq: 17, lane: 3, stream: 'User/42', version: 2 },
  ...{ id: '019a4f3e-6c1b-7c04-9d2a-3f1b8e7c5a60', type: 'UserRegistered', schemaVersion: 1, op: 'event' },
  ...{ at: new Date('2026-03-02T08:00:00.123Z'), data: { id: '42' } },
}

describe('a message', () => {
  it('is the event it was made of, whatever its data', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ noUnicodeString: false }),
        fc.option(fc.string(), { nil: undefined }),
        (data, subject) => {
          const original = { ...event, data, ...(subject === undefined ? {} : { subject }) }
          const packet = decodePacket(encodePacket(toMessage(original)))
          // As JSON holds it: it knows no -0.
          const expected = { ...original, data: JSON.parse(JSON.stringify(data)) }
          expect(packet.kind === 'message' && toEvent(packet)).toEqual(expected)
        },
      ),
    )
  })

  it('carries position and trace outside of its data', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const message = toMessage({ ...event, traceparent, headers: { origin: 'web' } })
    expect(message).toMatchObject({ tick: 4, seq: 17, lane: 3, stream: 'User/42', version: 2, traceparent })
    expect(message.data).toBe('{"id":"42"}')
  })

  it('is refused without data', () => {
    expect(() => toMessage({ ...event, data: undefined })).toThrow(
      expect.objectContaining({ kind: 'refused', code: 'transport/no-data' }),
    )
  })
})

describe('a text from a stranger', () => {
  const punctuation: Punctuation = {
    ...{ kind: 'punctuation', source: 'user', epoch: 1, lane: 0, fromTick: 1, toTick: 2, count: 0 },
  }

  it('is a packet only with all of its position', () => {
    expect(decodePacket(encodePacket(punctuation))).toEqual(punctuation)
    const { count: _, ...part } = punctuation
    const { version: __, ...unversioned } = toMessage(event)
    for (const text of [JSON.stringify(part), JSON.stringify(unversioned), '{"kind":"message"}', '{"__proto__":{}}']) {
      expect(() => decodePacket(text)).toThrow(expect.objectContaining({ code: 'transport/no-packet' }))
    }
  })

  it.each(['', 'null', '[]', '"text"', '{"kind":', '\u0000'])('is refused when it is %j', (text) => {
    expect(() => decodePacket(text)).toThrow(expect.objectContaining({ kind: 'refused', code: 'transport/no-packet' }))
  })
})
