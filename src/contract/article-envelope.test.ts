import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSelvedgeError } from '../base/error.ts'
import { articleEnvelope, type EnvelopeEvent } from './contract.ts'

const { encode, decode } = articleEnvelope

/** In the form of the article's example, white space and all. */
const text = `{
  "eventType": "UserProfileUpdated",
  "version": "1.0",
  "timestamp": "2023-10-15T14:30:00Z",
  "userId": "12345",
  "data": {
    "name": "John Doe",
    "updatedFields": ["name", "profilePictureUrl"]
  }
}
`

function codeOf(work: () => unknown): string | undefined {
  try {
    work()
  } catch (error) {
    return isSelvedgeError(error) ? error.code : String(error)
  }
  return undefined
}

const whites = fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r'), maxLength: 3 })

/** A string as JSON could write it: some characters escaped, in either case of hexadecimal digits. */
const writtenString = (value: string) =>
  fc.infiniteStream(fc.constantFrom('plain', 'lower', 'upper', 'short')).map((ways) => {
    const written = value.split('').map((unit) => {
      const way = ways.next().value
      const code = unit.charCodeAt(0).toString(16).padStart(4, '0')
      if (way === 'short' && unit === '/') return '\\/'
      if (way === 'lower' || (way === 'short' && unit === '"')) return `\\u${code}`
      return way === 'upper' ? `\\u${code.toUpperCase()}` : JSON.stringify(unit).slice(1, -1)
    })
    return `"${written.join('')}"`
  })

const writtenNumber = fc.oneof(
  fc.constantFrom('0', '-0', '1.0', '1e3', '1E+3', '-1.50e-07', '123456789012345678901234567890', '1e400'),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
)

/** Any JSON value as text that `JSON.stringify` would not have written. */
const { any: writtenValue } = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('null', 'true', 'false'),
    writtenNumber,
    fc.string({ unit: 'binary', maxLength: 6 }).chain(writtenString),
    fc
      .tuple(whites, fc.array(fc.tuple(whites, tie('any'), whites), { maxLength: 3 }))
      .map(([white, items]) => `[${items.length > 0 ? items.map((item) => item.join('')).join(',') : white}]`),
    fc
      .tuple(whites, fc.array(member(fc.string({ maxLength: 5 }), tie('any')), { maxLength: 3 }))
      .map(([white, members]) => `{${members.length > 0 ? members.join(',') : white}}`),
  ),
}))

function member(name: fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(whites, name.chain(writtenString), whites, whites, value, whites)
    .map(([a, key, b, c, one, d]) => `${a}${key}${b}:${c}${one}${d}`)
}

/** Envelopes as text: the five fields in any order, extra keys between them, some keys repeated. */
const envelopes = fc
  .tuple(
    member(fc.constant('eventType'), fc.constantFrom('"UserRegistered"', '"\\u0055serRegistered"')),
    member(fc.constant('version'), fc.constantFrom('"1.0"', '"2.0"')),
    member(fc.constant('timestamp'), fc.constantFrom('"2023-10-15T14:30:00Z"', '"2023-10-15T14:30:00.5+02:00"')),
    member(fc.constant('userId'), fc.constantFrom('"12345"', '12345', '1.0', '"\\u0031"')),
    member(fc.constant('data'), writtenValue),
    fc.array(member(fc.constantFrom('extra', '__proto__', 'trace id', ''), writtenValue), { maxLength: 3 }),
    fc.array(member(fc.constant('data'), writtenValue), { maxLength: 1 }),
  )
  .chain(([a, b, c, d, e, extra, repeated]) => {
    const all = [a, b, c, d, e, ...extra, ...repeated]
    return fc.shuffledSubarray(all, { minLength: all.length })
  })
  .chain((members) => fc.tuple(whites, whites).map(([before, after]) => `${before}{${members.join(',')}}${after}`))

describe("the article's envelope", () => {
  it('gives back any text byte for byte', () => {
    fc.assert(
      fc.property(envelopes, (one) => {
        const decoded = decode(one)
        expect(encode(decoded)).toBe(one)
        expect(decoded.data).toEqual(JSON.parse(one).data)
      }),
      { numRuns: 300 },
    )
  })

  it('reads the five fields', () => {
    expect(decode(text)).toMatchObject({
      eventType: 'UserProfileUpdated',
      version: '1.0',
      timestamp: '2023-10-15T14:30:00Z',
      userId: '12345',
      data: { name: 'John Doe', updatedFields: ['name', 'profilePictureUrl'] },
    })
  })

  it('changes the text of a changed field and nothing else', () => {
    const changed = { ...decode(text), userId: '7' }
    expect(encode(changed)).toBe(text.replace('"12345"', '"7"'))
    const odd = '{"data":1.0,"userId":"1","data" : 1e3, "eventType":"A","version":"1.0","timestamp":"2023-10-15"}'
    expect(encode({ ...decode(odd), data: [1] })).toBe(odd.replace('1e3', '[1]'))
  })

  it('writes an envelope made by hand in its order', () => {
    const made = { data: {}, userId: '1', timestamp: '2023-10-15T14:30:00Z', version: '1.0', eventType: 'A' }
    expect(encode(made)).toBe(
      '{"eventType":"A","version":"1.0","timestamp":"2023-10-15T14:30:00Z","userId":"1","data":{}}',
    )
  })

  const event: EnvelopeEvent = {
    source: 'user',
    epoch: 1,
    tick: 7,
    seq: 3,
    lane: 2,
    stream: 'User/42',
    version: 5,
    id: '018f',
    type: 'UserProfileUpdated',
    schemaVersion: 1,
    op: 'event',
    at: new Date('2023-10-15T14:30:00Z'),
    data: { name: 'John Doe' },
  }

  it("writes an event of the log in the article's form", () => {
    expect(encode(event)).toBe(
      '{"eventType":"UserProfileUpdated","version":"1.0","timestamp":"2023-10-15T14:30:00.000Z","userId":"42","data":{"name":"John Doe"}}',
    )
    const userId = (changes: Partial<EnvelopeEvent>) => decode(encode({ ...event, ...changes })).userId
    expect(userId({ stream: 'Course/7', data: { userId: 42 } })).toBe(42)
    expect(userId({ stream: 'User/a/b\nc' })).toBe('a/b\nc')
    expect(decode(encode({ ...event, schemaVersion: 2 })).version).toBe('2.0')
    expect(codeOf(() => encode({ ...event, stream: 'Course/7' }))).toBe('contract/no-user-id')
  })

  it('tells the schemaVersion', () => {
    expect(['1.0', '2.1', '3', '10.0.1'].map(articleEnvelope.schemaVersionOf)).toEqual([1, 2, 3, 10])
    for (const odd of ['', '0.1', 'v1', '1.', '1.0-beta', '9999999999']) {
      expect(codeOf(() => articleEnvelope.schemaVersionOf(odd))).toBe('contract/invalid-envelope')
    }
  })

  it.each(
    [
      ['', '{}', '[]', 'null', '"x"', '{', '\ufeff{}', 'hunter2'],
      ['eventType', 'version', 'timestamp', 'userId', 'data'].map((field) => text.replace(`"${field}"`, '"other"')),
      [
        text.replace('"1.0"', '1.0'),
        text.replace('"2023-10-15T14:30:00Z"', '"hunter2"'),
        text.replace('"12345"', '{}'),
      ],
      ['{"__proto__":{"eventType":"A","version":"1.0","timestamp":"2023-10-15","userId":"1","data":1}}'],
    ].map((texts) => [texts]),
  )('refuses what is no envelope and quotes none of it: %#', (texts) => {
    for (const one of texts) {
      try {
        decode(one)
        expect.unreachable(one)
      } catch (error) {
        expect(isSelvedgeError(error, 'contract/invalid-envelope')).toBe(true)
        expect(JSON.stringify(error)).not.toContain('hunter2')
      }
    }
  })

  it('survives nesting without end', () => {
    const deep = `{"eventType":"A","version":"1.0","timestamp":"2023-10-15","userId":"1","data":${'['.repeat(5000)}${']'.repeat(5000)}}`
    expect(encode(decode(deep))).toBe(deep)
  })
})
