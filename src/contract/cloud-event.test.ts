import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSelvedgeError } from '../base/error.ts'
import type { LoggedEvent } from '../log/event.ts'
import { cloudEvent, type EnvelopeEvent } from './contract.ts'

const { encode, decode } = cloudEvent

const integer = fc.maxSafeNat()
const word = fc.string({ minLength: 1, maxLength: 20 })
const events: fc.Arbitrary<EnvelopeEvent> = fc.record(
  {
    source: word,
    epoch: integer,
    tick: integer,
    seq: integer,
    lane: fc.nat(7),
    stream: word,
    version: integer,
    id: fc.uuid(),
    type: word,
    schemaVersion: fc.integer({ min: 1, max: 99 }),
    op: fc.constantFrom('event', 'state', 'tombstone', 'erase'),
    at: fc.date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-01-01') }),
    traceparent: word,
    correlation: word,
    causation: word,
    subject: word,
    headers: fc
      .dictionary(word, fc.string(), { noNullPrototype: true })
      .filter((headers) => !('__proto__' in headers && Object.hasOwn(headers, '__proto__'))),
    data: fc
      .jsonValue()
      .filter((value) => !JSON.stringify(value).includes('-0') && !JSON.stringify(value).includes('__proto__')),
  },
  {
    requiredKeys: 'source epoch tick seq lane stream version id type schemaVersion op at data'.split(
      ' ',
    ) as (keyof EnvelopeEvent)[],
  },
) as fc.Arbitrary<EnvelopeEvent>

const one: LoggedEvent<{ name: string }> = {
  source: 'user',
  epoch: 1,
  tick: 2 ** 40,
  seq: 2 ** 41,
  lane: 2,
  stream: 'User/42',
  version: 5,
  id: '018f',
  type: 'UserProfileUpdated',
  schemaVersion: 1,
  op: 'event',
  at: new Date('2023-10-15T14:30:00Z'),
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  data: { name: 'John Doe' },
}

const text = (changes: Record<string, unknown>) => JSON.stringify({ ...JSON.parse(encode(one)), ...changes })

describe('a CloudEvent', () => {
  it('brings every event of the log to the other side', () => {
    fc.assert(
      fc.property(events, (event) => {
        expect(decode(encode(event))).toEqual({ kind: 'event', event: JSON.parse(JSON.stringify(event), revive) })
      }),
    )
  })

  it('keeps the rules of the specification', () => {
    const attributes = JSON.parse(encode(one)) as Record<string, unknown>
    for (const [name, value] of Object.entries(attributes)) {
      expect(name).toMatch(/^[a-z0-9]{1,20}$/)
      if (name !== 'data') expect(['string', 'number', 'boolean']).toContain(typeof value)
      if (typeof value === 'number') expect(Math.abs(value)).toBeLessThan(2 ** 31)
    }
    expect(attributes).toMatchObject({
      specversion: '1.0',
      id: '018f',
      source: 'user',
      type: 'UserProfileUpdated',
      time: '2023-10-15T14:30:00.000Z',
      datacontenttype: 'application/json',
      traceparent: one.traceparent,
    })
  })

  it('is read when a transport made text of its numbers', () => {
    expect(decode(text({ epoch: '1', lane: '2', schemaversion: '1' }))).toEqual({ kind: 'event', event: one })
  })

  it("is a stranger's when it carries no position", () => {
    const stranger = { specversion: '1.0', id: 'a-1', source: '/shop', type: 'org.example.Sold', tick: 'tock', data: 7 }
    expect(decode(JSON.stringify(stranger))).toEqual({
      kind: 'stranger',
      source: '/shop',
      id: 'a-1',
      type: 'org.example.Sold',
      at: undefined,
      subject: undefined,
      traceparent: undefined,
      data: 7,
      extensions: { tick: 'tock' },
    })
  })

  it.each([
    ['is no JSON', 'hunter2'],
    ['is a list', '[]'],
    ['is of another specification', text({ specversion: '0.3' })],
    ['has no id', text({ id: '' })],
    ['has no source', text({ source: undefined })],
    ['promises a position and has none', text({ seq: undefined })],
    ['has a position that is no number', text({ tick: '12x' })],
    ['has a position that no number can hold', text({ seq: '99999999999999999' })],
    ['has a negative position', text({ version: -1 })],
    ['has an unknown op', text({ op: 'toString' })],
    ['has no time', text({ time: 'yesterday' })],
    ['has attributes of another version', text({ selvedge: '2' })],
    ['has headers that are no text', text({ headers: '{"a":1}' })],
    ['carries bytes', text({ data_base64: 'aHVudGVyMg==' })],
  ])('is refused when it %s', (_, broken) => {
    try {
      decode(broken)
      expect.unreachable()
    } catch (error) {
      expect(isSelvedgeError(error, 'contract/invalid-envelope')).toBe(true)
      expect(JSON.stringify(error)).not.toContain('hunter2')
    }
  })
})

function revive(this: unknown, key: string, value: unknown): unknown {
  return key === 'at' && typeof value === 'string' && /^\d{4}-.*Z$/.test(value) ? new Date(value) : value
}
