import { describe, expect, it } from 'vitest'
import { JsonReader } from './json-reader.ts'
import { jsonTextOf } from './json-text.ts'

describe('JSON text', () => {
  it.each([
    'null',
    '"a\\n\\"é🙂"',
    '-0.5',
    '[]',
    '{}',
    '[1, [true, false], {"a": null}]',
    '{"a": 1, "b": {"z": "x"}, "aa": [10, 1.5]}',
    `{"${'k'.repeat(100)}": "${'v'.repeat(100)}"}`,
  ])('is given back as it came where jsonb would write it so: %s', (text) => {
    expect(jsonTextOf(text)).toBe(text)
  })

  it.each([
    ['{"b":1,"a":2}', '{"a": 2, "b": 1}'],
    ['{"aa":1,"b":[ ]}', '{"b": [], "aa": 1}'],
    // Two code units and four bytes, against three bytes in one code unit.
    ['{"🙂": 1, "￿": 2}', '{"￿": 2, "🙂": 1}'],
    ['{"a": 1, "a": 2}', '{"a": 2}'],
    ['[1e2, 1.50, -0, 0.0, 1E-3, 12.30e1]', '[100, 1.5, 0, 0, 0.001, 123]'],
    ['[1,\n{"a": "\\u0041\\/"},\t"\\ud83d"]', '[1, {"a": "A/"}, "\\ud83d"]'],
    [`["${'x'.repeat(100)}\\u0041${'x'.repeat(100)}"]`, `["${'x'.repeat(100)}A${'x'.repeat(100)}"]`],
    [' {"a": [1, 2] , "b": 1} ', '{"a": [1, 2], "b": 1}'],
    ['[1, 2, [3,4], 5]', '[1, 2, [3, 4], 5]'],
  ])('is put together anew where it is written otherwise: %s', (text, wanted) => {
    expect(jsonTextOf(text)).toBe(wanted)
    expect(jsonTextOf(wanted)).toBe(wanted)
  })

  it('keeps the sign of a zero and members that come twice where the form does', () => {
    expect(jsonTextOf('{"b":-0.0,"a":1,"b":2}', ['sign', 'doubles'])).toBe('{"a": 1, "b": -0, "b": 2}')
    expect(jsonTextOf('{"a": 1, "a": -0}', ['doubles'])).toBe('{"a": 1, "a": 0}')
  })

  it.each([
    '',
    '{',
    '[1',
    '"a',
    '[1,]',
    '{"a"}',
    '{a: 1}',
    '01',
    '1.',
    '-',
    '+1',
    'nul',
    '[1] 2',
    '"\\x"',
    '"a\nb"',
    '{1: 2}',
    '\u00a01',
  ])('is undefined where JSON.parse finds none either: %j', (text) => {
    expect(() => JSON.parse(text)).toThrow()
    expect(jsonTextOf(text)).toBeUndefined()
    expect(() => {
      const reader = new JsonReader(text)
      reader.skipValue()
      if (!reader.isAtEnd()) throw reader.wrong()
    }).toThrow(SyntaxError)
  })

  it('says what JSON.parse says of thousands of texts, broken ones among them', () => {
    const next = randomOf(7)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!
    const strings = ['a', 'b', 'ab', 'é', '🙂', '\\n', '\\u0041', '\\"', '\\ud83d', '', 'x'.repeat(70), 'é'.repeat(70)]
    const value = (depth: number): string => {
      if (depth === 0 || next() < 0.3) return pick(['0', '1.5', '-12', '2e3', 'true', 'null', `"${pick(strings)}"`])
      const items = Array.from({ length: Math.floor(next() * 4) }, () => value(depth - 1))
      const comma = pick([',', ', ', ' ,'])
      if (next() < 0.5) return `[${items.join(comma)}]`
      return `{${items.map((item) => `"${pick(strings)}"${pick([':', ': '])}${item}`).join(comma)}}`
    }
    for (let i = 0; i < 20_000; i += 1) {
      const whole = value(4)
      const at = Math.floor(next() * whole.length)
      const text = next() < 0.5 ? whole : `${whole.slice(0, at)}${pick([...'{}[],:"\\ 0-e.'])}${whole.slice(at + 1)}`
      const written = jsonTextOf(text, ['sign'])
      expect([text, parsed(written)]).toEqual([text, parsed(text)])
    }
  })
})

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? 'no JSON' : JSON.parse(text)
  } catch {
    return 'no JSON'
  }
}

/** Numbers that look like chance, the same each time: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
