import { describe, expect, it } from 'vitest'
import { canonicalText } from './canonical.ts'
import { agreeForm, type ColumnType } from './form.ts'
import { digestOf, hash60, sameDigest } from './hash.ts'
import { rowText } from './row-text.ts'
import { normalJson, sameValue } from './same-value.ts'

describe('canonical text', () => {
  it('gives numbers one form: no exponent, no trailing zeros, no negative zero unless it is a float', () => {
    expect(
      ['1.50', '1.5', 1.5, '0.00', '-0.0', '10', 1e21, 1e-7, 'NaN'].map((value) => canonicalText('decimal', value)),
    ).toEqual(['1.5', '1.5', '1.5', '0', '0', '10', '1000000000000000000000', '0.0000001', 'NaN'])
    expect(canonicalText('integer', 2n ** 53n + 1n)).toBe('9007199254740993')
    expect(canonicalText('float8', -0)).toBe('-0')
  })

  it('brings a timestamp of any zone to UTC and keeps its microseconds', () => {
    const texts = [
      '2026-01-31T08:00:00.250000Z',
      '2026-01-31T09:00:00.25+01:00',
      '2026-01-31 08:00:00.25+00',
      '2026-01-31 08:00:00.25',
    ].map((value) => canonicalText('timestamp', value))
    expect(new Set(texts)).toEqual(new Set(['2026-01-31 08:00:00.25']))
    expect(canonicalText('timestamp', '2026-01-31T08:00:00.000001Z')).toBe('2026-01-31 08:00:00.000001')
  })

  it('refuses a value of another kind instead of comparing nonsense', () => {
    const wrong = [
      ['integer', '1.5'],
      ['uuid', 'x'],
      ['boolean', 'true'],
      ['timestamp', 'soon'],
      ['json', { f: () => 1 }],
      ['text', {}],
    ] as const
    for (const [kind, value] of wrong) expect(() => canonicalText(kind, value)).toThrow(/is not a value of kind/)
  })

  it('judges JSON by value: 1.10 is 1.1, but text that looks like a number stays itself', () => {
    expect(sameValue('json', '{"a": 1.10, "b": "1.10"}', '{"a": 1.1, "b": "1.10"}')).toBe(true)
    expect(sameValue('json', '{"b": "1.10"}', '{"b": "1.1"}')).toBe(false)
    expect(sameValue('text', '1.10', '1.1')).toBe(false)
    expect(normalJson('{"a\\"1.50": -0.0}')).toBe('{"a\\"1.50": 0}')
  })
})

describe('what a type keeps beyond the meaning of its values', () => {
  const json = { kind: 'json', name: 'json', keeps: ['sign', 'doubles'] } as const
  const agreed = (...types: readonly ColumnType[]) => agreeForm(types, { isOneEngine: true }).forms[0]

  it('is agreed on where all sides keep it', () => {
    expect(agreed(json, json)).toEqual({ kind: 'json', keeps: ['sign', 'doubles'] })
    expect(agreed(json, { kind: 'text', name: 'text' })).toEqual({ kind: 'json', keeps: ['sign', 'doubles'] })
    expect(agreed(json, { ...json, keeps: ['bounds', 'sign'] })).toEqual({ kind: 'json', keeps: ['sign'] })
    expect(agreed(json, { kind: 'json', name: 'jsonb' })).toEqual({ kind: 'json' })
    expect(agreed(json, { kind: 'any', name: 'code' })).toEqual({ kind: 'json' })
    const float = { kind: 'float8', name: 'float8', keeps: ['sign'] } as const
    expect(agreed(float, { ...float, kind: 'float4' })).toEqual({ kind: 'float4', keeps: ['sign'], isShort: true })
    expect(agreed(float, { kind: 'float8', name: 'double' })).toEqual({ kind: 'float8', isShort: true })
    expect(agreed(float, { kind: 'decimal', name: 'numeric' })).toEqual({ kind: 'float8', isShort: true })
  })

  it('is told of JSON of twenty megabytes, escapes and all', () => {
    const long = JSON.stringify({ b: '\n"\\'.repeat(3_000_000), a: 'x'.repeat(10_000_000) })
    expect(sameValue('json', long.replace('{', '{ '), long)).toBe(true)
    expect(sameValue('json', long.replace('x', 'y'), long)).toBe(false)
    expect(normalJson(`{1.10${long}`)).toBe(`{1.1${long}`)
  })

  it('counts only there', () => {
    expect(sameValue('json', '{"a": 1, "a": 2}', '{"a": 2}')).toBe(true)
    expect(sameValue({ kind: 'json', keeps: ['doubles'] }, '{"a": 1, "a": 2}', '{"a": 2}')).toBe(false)
    expect(sameValue('json', '[-0]', '[0]')).toBe(true)
    expect(sameValue({ kind: 'json', keeps: ['sign'] }, '[-0]', '[0]')).toBe(false)
    expect(sameValue({ kind: 'json', keeps: ['sign'] }, '[-0]', '[-0.0]')).toBe(true)
    expect(sameValue({ kind: 'json', keeps: ['bounds'] }, '[0:1]={1.10,2}', '[0:1]={1.1,2}')).toBe(true)
    expect(sameValue({ kind: 'json', keeps: ['bounds'] }, '[0:1]={1,2}', '[1, 2]')).toBe(false)
    expect(sameValue('float8', '-0', '0')).toBe(true)
    expect(sameValue({ kind: 'float8', keeps: ['sign'] }, '-0', '0')).toBe(false)
  })
})

describe('row text', () => {
  const apart = [
    [
      ['a|b', 'c'],
      ['a', 'b|c'],
    ],
    [[null], ['']],
    [[null], ['~']],
    [[null], ['NULL']],
    [
      ['1:2', ''],
      ['1', '2'],
    ],
    [['é'], ['e\u0301']],
  ]
  it.each(apart)('keeps %j and %j apart', (a, b) => {
    expect(rowText(a)).not.toBe(rowText(b))
    expect(hash60(rowText(a))).not.toBe(hash60(rowText(b)))
  })
})

describe('a digest', () => {
  it('does not depend on order, and sees a doubled pair that XOR would cancel', () => {
    const [a, b] = [hash60('a'), hash60('b')]
    expect(sameDigest(digestOf([a, b]), digestOf([b, a]))).toBe(true)
    expect(sameDigest(digestOf([a, a, b, b]), digestOf([a, b]))).toBe(false)
  })

  it('sees equal shifts in opposite directions, which a plain sum cancels', () => {
    expect(sameDigest(digestOf([5n << 32n, 9n << 32n]), digestOf([4n << 32n, 10n << 32n]))).toBe(true)
    expect(sameDigest(digestOf([hash60('a') + 1n, hash60('b') - 1n]), digestOf([hash60('a'), hash60('b')]))).toBe(false)
  })
})
