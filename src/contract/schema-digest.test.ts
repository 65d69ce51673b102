import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  canonicalSchema,
  compareDigests,
  jsonSchemaOf,
  type SchemaSource,
  schemaDigest,
  schemaDigests,
  service,
} from './contract.ts'

const declare = (schema: SchemaSource, schemaVersion = 1) =>
  service('user').event('Happened', { schemaVersion, schema })
const digest = (schema: SchemaSource) => schemaDigest(declare(schema))

const base = {
  type: 'object',
  properties: { a: { type: 'string', maxLength: 5 }, b: { enum: ['x', 'y'] }, c: { type: ['string', 'null'] } },
  required: ['a', 'b'],
}

/** The same document with the keys of every object in another order. */
function shuffled(value: unknown, order: (keys: string[]) => string[]): unknown {
  if (Array.isArray(value)) return value.map((one) => shuffled(one, order))
  if (typeof value !== 'object' || value === null) return value
  const keys = order(Object.keys(value))
  return Object.fromEntries(keys.map((key) => [key, shuffled((value as Record<string, unknown>)[key], order)]))
}

describe('the digest of a schema', () => {
  it('is 64 hexadecimal digits and stays what it was', () => {
    // Stored digests outlive releases: a change of this constant would stop every service at its next start.
    expect(digest(base)).toBe('2bf8ccf43320c2df3cf663236cc355df9f565dd92ce5d1733c2582005b27fc16')
  })

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (numbers) => {
        const order = (keys: string[]) =>
          keys
            .map((key) => ({ key, at: numbers.next().value as number }))
            .sort((one, other) => one.at - other.at)
            .map(({ key }) => key)
        expect(digest(shuffled(base, order) as SchemaSource)).toBe(digest(base))
      }),
      { numRuns: 30 },
    )
  })

  it.each([
    ['descriptions and titles', { ...base, title: 'T', description: 'D', $comment: 'C', $id: 'https://example.org/x' }],
    [
      'nested descriptions',
      { ...base, properties: { ...base.properties, a: { ...base.properties.a, description: 'D', examples: ['e'] } } },
    ],
    [
      'the order of required and enum',
      { ...base, required: ['b', 'a'], properties: { ...base.properties, b: { enum: ['y', 'x'] } } },
    ],
    ['closing what writers cannot open', { ...base, additionalProperties: false }],
  ])('ignores %s', (_, schema) => {
    expect(digest(schema)).toBe(digest(base))
  })

  it.each([
    ['a field', { ...base, properties: { ...base.properties, d: { type: 'string' } } }],
    ['a field named description', { ...base, properties: { ...base.properties, description: { type: 'string' } } }],
    ['a bound', { ...base, properties: { ...base.properties, a: { type: 'string', maxLength: 6 } } }],
    ['a requirement', { ...base, required: ['a'] }],
    ['an enum value', { ...base, properties: { ...base.properties, b: { enum: ['x', 'y', 'z'] } } }],
    ['a unit', { ...base, properties: { ...base.properties, a: { ...base.properties.a, unit: 'EUR' } } }],
    ['an opening', { ...base, additionalProperties: true }],
  ])('changes with %s', (_, schema) => {
    expect(digest(schema)).not.toBe(digest(base))
  })

  it('is one for one contract, whichever library wrote it', () => {
    const digests = [
      z.object({ a: z.string(), n: z.int().optional(), list: z.array(z.object({ b: z.boolean() })) }),
      z.strictObject({ list: z.array(z.object({ b: z.boolean() })), a: z.string(), n: z.int().optional() }),
      type({ a: 'string', 'n?': 'number.integer', list: type({ b: 'boolean' }).array() }),
      toStandardJsonSchema(
        v.object({
          a: v.string(),
          n: v.optional(v.pipe(v.number(), v.integer())),
          list: v.array(v.object({ b: v.boolean() })),
        }),
      ),
    ].map((schema) => digest(schema as SchemaSource))
    expect(new Set(digests).size).toBe(1)
  })

  it('can be explained by the text it is taken of', () => {
    expect(canonicalSchema(declare(z.object({ at: z.iso.datetime(), a: z.email() })))).toBe(
      '{"properties":{"a":{"format":"email","type":"string"},"at":{"format":"date-time","type":"string"}},"required":["a","at"],"type":"object"}',
    )
    expect(jsonSchemaOf(declare(base))).toBe(base)
  })
})

describe('comparing digests', () => {
  const declared = (schema: SchemaSource, schemaVersion: number) => schemaDigests([declare(schema, schemaVersion)])
  const other = { ...base, required: [] }

  it('adds what is new and accepts what is unchanged', () => {
    expect(compareDigests([], declared(base, 1))).toEqual({ added: declared(base, 1), changed: [] })
    expect(compareDigests(declared(base, 1), declared(base, 1))).toEqual({ added: [], changed: [] })
    expect(compareDigests(declared(base, 1), declared(other, 2))).toEqual({ added: declared(other, 2), changed: [] })
  })

  it('refuses a schema that changed under its version, and says which version is next', () => {
    const { added, changed } = compareDigests(declared(base, 2), declared(other, 2))
    expect(added).toEqual([])
    expect(changed).toHaveLength(1)
    expect(changed[0]).toMatchObject({
      kind: 'refused',
      code: 'contract/changed-schema',
      values: { type: 'Happened', schemaVersion: 2 },
    })
    expect(changed[0]?.help).toContain('Raise schemaVersion to 3 and give an upcast from 2')
  })

  it('lets an older process start beside a newer one', () => {
    const stored = [...declared(base, 1), ...declared(other, 2)]
    expect(compareDigests(stored, declared(base, 1))).toEqual({ added: [], changed: [] })
  })
})
