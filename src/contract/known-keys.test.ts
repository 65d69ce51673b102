import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isSelvedgeError } from '../base/error.ts'
import { type EventType, type JsonSchema, prepare, receive, type SchemaSource, service } from './contract.ts'

const declare = (schema: SchemaSource) =>
  service('user').event('Happened', { schemaVersion: 1, schema }) as EventType<unknown>

/** The path of the unknown key that publishing refuses; undefined when it publishes. */
function unknownKey(event: EventType<unknown>, data: unknown): unknown {
  try {
    prepare(event, data)
    return undefined
  } catch (error) {
    if (isSelvedgeError(error, 'contract/unknown-key')) return error.values.path
    throw error
  }
}

const address = { type: 'object', properties: { city: { type: 'string' } } } as const

describe('the known keys of a JSON Schema', () => {
  it.each<[string, JsonSchema, unknown, string | undefined]>([
    ['are those of properties', address, { city: 'x', zip: 1 }, 'zip'],
    ['are those of nested properties', { properties: { a: address } }, { a: { city: 'x', zip: 1 } }, 'a.zip'],
    ['are those of elements', { properties: { a: { items: address } } }, { a: [{}, { zip: 1 }] }, 'a[1].zip'],
    [
      'are those of a tuple',
      { properties: { a: { prefixItems: [true, address] } } },
      { a: [{ q: 1 }, { q: 1 }] },
      'a[1].q',
    ],
    ['follow references', { $ref: '#/$defs/a', $defs: { a: address } }, { zip: 1 }, 'zip'],
    ['follow escaped references', { $ref: '#/$defs/a~1b', $defs: { 'a/b': address } }, { zip: 1 }, 'zip'],
    ['follow anchors', { $ref: '#here', $defs: { a: { $anchor: 'here', ...address } } }, { zip: 1 }, 'zip'],
    ['are open in a map', { additionalProperties: address }, { a: { city: 'x' }, b: { zip: 1 } }, 'b.zip'],
    ['are open where the schema says so', { ...address, additionalProperties: true }, { zip: { a: 1 } }, undefined],
    ['are open where the schema says nothing', { type: 'object' }, { zip: { a: [{ b: 1 }] } }, undefined],
    ['are open in a schema of names', { propertyNames: { maxLength: 3 } }, { zip: 1 }, undefined],
    ['are closed where the schema says so', { type: 'object', additionalProperties: false }, { zip: 1 }, 'zip'],
    ['match patterns', { patternProperties: { '^x-': address } }, { 'x-a': { zip: 1 } }, '["x-a"].zip'],
    ['match patterns only', { patternProperties: { '^x-': true } }, { y: 1 }, 'y'],
    ['are joined by allOf', { allOf: [address, { properties: { zip: true } }] }, { city: 'x', zip: 1, q: 1 }, 'q'],
    ['are not opened by a silent part', { ...address, allOf: [{ required: ['city'] }] }, { city: 'x', q: 1 }, 'q'],
    ['are not opened by a silent branch', { ...address, anyOf: [{ required: ['city'] }] }, { city: 'x', q: 1 }, 'q'],
    ['are opened by an open branch', { anyOf: [address, { type: 'object' }] }, { q: 1 }, undefined],
    ['are those of fitting branches', { anyOf: [{ type: 'null' }, address] }, { q: 1 }, 'q'],
    ['include those of conditionals', { if: address, else: { properties: { zip: true } } }, { zip: 1, q: 1 }, 'q'],
    [
      'include those of dependents',
      { ...address, dependentSchemas: { city: { properties: { zip: true } } } },
      { city: 'x', zip: 1, q: 1 },
      'q',
    ],
    [
      'may be named like parts of every object',
      { properties: { constructor: { type: 'string' } } },
      { constructor: 'x' },
      undefined,
    ],
    ['do not include parts of every object', address, { constructor: 'x' }, 'constructor'],
    ['do not include hasOwnProperty', address, { hasOwnProperty: 'x' }, 'hasOwnProperty'],
  ])('%s', (_, schema, data, path) => {
    expect(unknownKey(declare(schema), data)).toBe(path)
  })

  it('choose the branch by its constant', () => {
    const branch = (kind: string, key: string) => ({
      type: 'object',
      properties: { kind: { const: kind }, [key]: true },
      required: ['kind'],
    })
    const event = declare({ oneOf: [branch('a', 'x'), branch('b', 'y')] })
    expect(unknownKey(event, { kind: 'a', x: 1 })).toBeUndefined()
    expect(unknownKey(event, { kind: 'a', y: 1 })).toBe('y')
  })

  it('follow a schema that contains itself', () => {
    const tree = { type: 'object', properties: { children: { type: 'array', items: { $ref: '#' } } } }
    expect(unknownKey(declare(tree), { children: [{ children: [{ children: [], leaf: 1 }] }] })).toBe(
      'children[0].children[0].leaf',
    )
  })

  it('see a key that a union of zod would strip without a word', () => {
    const event = declare(z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]))
    expect(unknownKey(event, { a: 'x', b: 'y' })).toBe('b')
    expect(unknownKey(event, { b: 'y' })).toBeUndefined()
  })

  it('refuse __proto__ even where everything is open', () => {
    const hostile = JSON.parse('{"a":{"__proto__":{"admin":true}}}')
    for (const schema of [z.object({ a: z.any() }), z.looseObject({}), type('object'), { type: 'object' }] as const) {
      expect(unknownKey(declare(schema), hostile)).toBe('a.__proto__')
    }
  })
})

/** The shape of a document, from which each library's schema and a document are made. */
type Shape =
  | 'string'
  | 'number'
  | 'boolean'
  | readonly [Shape]
  | { readonly [key: string]: Shape }
  | { map: Shape; isMap: true }

const names = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/).filter((name) => !['map', 'ismap'].includes(name))
const isMap = (shape: Shape): shape is { map: Shape; isMap: true } => typeof shape === 'object' && 'isMap' in shape

const { object: shapes } = fc.letrec<{ any: Shape; object: Shape }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom<Shape>('string', 'number', 'boolean'),
    fc.tuple(tie('any')),
    tie('any').map((map) => ({ map, isMap: true as const })),
    tie('object'),
  ),
  object: fc.dictionary(names, tie('any'), { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
}))

function zodOf(shape: Shape): z.ZodType {
  if (shape === 'string') return z.string()
  if (shape === 'number') return z.number()
  if (shape === 'boolean') return z.boolean()
  if (Array.isArray(shape)) return z.array(zodOf(shape[0] as Shape))
  if (isMap(shape)) return z.record(z.string(), zodOf(shape.map))
  return z.object(Object.fromEntries(Object.entries(shape).map(([key, child]) => [key, zodOf(child as Shape)])))
}

function valibotOf(shape: Shape): v.GenericSchema {
  if (shape === 'string') return v.string()
  if (shape === 'number') return v.number()
  if (shape === 'boolean') return v.boolean()
  if (Array.isArray(shape)) return v.array(valibotOf(shape[0] as Shape))
  if (isMap(shape)) return v.record(v.string(), valibotOf(shape.map))
  return v.object(Object.fromEntries(Object.entries(shape).map(([key, child]) => [key, valibotOf(child as Shape)])))
}

function arkOf(shape: Shape): ReturnType<typeof type.unknown.array> | typeof type.unknown {
  if (typeof shape === 'string') return type(shape) as never
  if (Array.isArray(shape)) return arkOf(shape[0] as Shape).array() as never
  if (isMap(shape)) return type({ '[string]': arkOf(shape.map) }) as never
  return type(Object.fromEntries(Object.entries(shape).map(([key, child]) => [key, arkOf(child as Shape)]))) as never
}

function rawOf(shape: Shape): JsonSchema {
  if (typeof shape === 'string') return { type: shape }
  if (Array.isArray(shape)) return { type: 'array', items: rawOf(shape[0] as Shape) }
  if (isMap(shape)) return { type: 'object', additionalProperties: rawOf(shape.map) }
  const properties = Object.fromEntries(Object.entries(shape).map(([key, child]) => [key, rawOf(child as Shape)]))
  return { type: 'object', properties, required: Object.keys(shape) }
}

function documents(shape: Shape): fc.Arbitrary<unknown> {
  if (shape === 'string') return fc.string({ maxLength: 5 })
  if (shape === 'number') return fc.integer()
  if (shape === 'boolean') return fc.boolean()
  if (Array.isArray(shape)) return fc.array(documents(shape[0] as Shape), { maxLength: 2 })
  if (isMap(shape)) return fc.dictionary(names, documents(shape.map), { maxKeys: 2, noNullPrototype: true })
  return fc.record(Object.fromEntries(Object.entries(shape).map(([key, child]) => [key, documents(child as Shape)])))
}

/** Every object of a document that has a fixed set of keys, with its path. */
function closedObjects(shape: Shape, data: unknown, path = ''): { path: string; object: Record<string, unknown> }[] {
  if (typeof shape === 'string') return []
  if (Array.isArray(shape)) {
    return (data as unknown[]).flatMap((one, index) => closedObjects(shape[0] as Shape, one, `${path}[${index}]`))
  }
  const object = data as Record<string, unknown>
  const below = (key: string) => (path === '' ? key : `${path}.${key}`)
  if (isMap(shape)) return Object.keys(object).flatMap((key) => closedObjects(shape.map, object[key], below(key)))
  const fixed = shape as { readonly [key: string]: Shape }
  return [
    { path, object },
    ...Object.keys(fixed).flatMap((key) => closedObjects(fixed[key] as Shape, object[key], below(key))),
  ]
}

describe('zod, valibot, arktype and JSON Schema', () => {
  it('agree on what is published, which key is refused and what a reader ignores', () => {
    const cases = shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), documents(shape), fc.nat(), fc.constantFrom('Extra', 'constructor', 'odd key')),
    )
    const property = fc.property(cases, ([shape, document, nth, key]) => {
      const schemas: SchemaSource[] = [zodOf(shape), toStandardJsonSchema(valibotOf(shape)), arkOf(shape), rawOf(shape)]
      const events = schemas.map(declare)
      const clean = JSON.parse(JSON.stringify(document))
      const planted = structuredClone(clean)
      const places = closedObjects(shape, planted)
      const place = places[nth % places.length] as (typeof places)[number]
      place.object[key] = { secret: 1 }
      const shown = key === 'odd key' ? '["odd key"]' : place.path === '' ? key : `.${key}`
      for (const event of events) {
        expect(JSON.parse(prepare(event, clean).text)).toEqual(clean)
        expect(unknownKey(event, planted)).toBe(`${place.path}${shown}`)
        expect(receive(event, 1, planted)).toEqual(clean)
      }
    })
    fc.assert(property, { numRuns: 60 })
  })
})
