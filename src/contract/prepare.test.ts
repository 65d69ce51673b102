import { runInNewContext } from 'node:vm'
import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isSelvedgeError, type SelvedgeError } from '../base/error.ts'
import { type EventType, payloadBytesMaxDefault, prepare, type SchemaSource, service, validate } from './contract.ts'
import { depthMax } from './inspect.ts'

const declare = (schema: SchemaSource, payloadBytesMax = payloadBytesMaxDefault) =>
  service('user').event('Happened', { schemaVersion: 3, schema, payloadBytesMax }) as EventType<unknown>

const anything = declare(z.any())

function refusalOf(work: () => unknown): SelvedgeError {
  try {
    work()
  } catch (error) {
    if (isSelvedgeError(error)) return error
    throw error
  }
  throw new Error('it was accepted')
}

const cyclic: Record<string, unknown> = {}
cyclic.self = { again: [cyclic] }

/** Shares one object so often that a walk without a bound would never end. */
const exploding = Array.from({ length: 60 }).reduce<unknown>((below) => ({ a: below, b: below }), 1)

describe('preparing an event', () => {
  it('gives the stream and the text of valid data', () => {
    const user = service('user')
    const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string() }) })
    const EmailChanged = user.event('EmailChanged', {
      schemaVersion: 1,
      about: User,
      schema: z.object({ userId: z.string(), email: z.email() }),
    })
    const data = { email: 'ada@example.org', userId: '42' }
    expect(prepare(EmailChanged, data)).toEqual({
      stream: 'User/42',
      text: '{"userId":"42","email":"ada@example.org"}',
    })
    expect(validate(EmailChanged, data)).toEqual(data)
  })

  it('refuses data that breaks the contract, naming every path', () => {
    const event = declare(z.object({ a: z.string(), b: z.array(z.object({ 'odd key': z.number() })) }))
    const error = refusalOf(() => prepare(event, { b: [{ 'odd key': 'x' }] }))
    expect(error).toMatchObject({
      kind: 'refused',
      code: 'contract/invalid-payload',
      values: { service: 'user', contract: 'Happened', schemaVersion: 3 },
    })
    expect((error.values.problems as { path: string }[]).map(({ path }) => path)).toEqual(['a', 'b[0]["odd key"]'])
    expect(error.message).toContain('event user.Happened')
  })

  it('lists ten problems of a thousand, and their number', () => {
    for (const schema of [z.array(z.number()), type('number[]'), { items: { type: 'number' } }] as const) {
      const error = refusalOf(() => prepare(declare(schema), Array(1000).fill('x')))
      expect(error.values.problems).toHaveLength(10)
      expect(error.values.count).toBe(1000)
    }
  })

  it.each([
    ['undefined', undefined, 'a[0]'],
    ['NaN', Number.NaN, 'a[0]'],
    ['Infinity', -Infinity, 'a[0]'],
    ['a bigint', 1n, 'a[0]'],
    ['a function', () => 1, 'a[0]'],
    ['a symbol', Symbol('x'), 'a[0]'],
    ['a date', new Date(), 'a[0]'],
    ['a map', new Map(), 'a[0]'],
    ['a buffer', Buffer.from('x'), 'a[0]'],
    ['a boxed string', Object('x'), 'a[0]'],
    ['an object with toJSON', { toJSON: () => 'else' }, 'a[0].toJSON'],
    ['an object of a class', new (class Money {})(), 'a[0]'],
    ['a hole', Array(1), 'a[0][0]'],
  ])('refuses %s, which JSON would change or lose, with its path', (_, value, path) => {
    const error = refusalOf(() => prepare(anything, { a: [value] }))
    expect(error.code).toBe('contract/not-json')
    expect(error.values.path).toBe(path)
  })

  it('refuses a value that refers to itself, and one that is nested too deep', () => {
    const tree: z.ZodType = z.lazy(() => z.record(z.string(), z.union([tree, z.array(tree)])))
    const deep = (levels: number) => Array.from({ length: levels }).reduce<unknown>((below) => [below], 1)
    for (const event of [anything, declare(z.json()), declare(tree)]) {
      expect(refusalOf(() => prepare(event, cyclic)).code).toBe('contract/not-json')
    }
    expect(refusalOf(() => prepare(anything, deep(depthMax + 1))).code).toBe('contract/not-json')
    expect(prepare(anything, deep(depthMax)).text).toHaveLength(2 * depthMax + 1)
  })

  it('accepts plain data of another realm, as test runners have one, and no date of it', () => {
    expect(prepare(anything, runInNewContext('({ a: [{ b: 1 }] })')).text).toBe('{"a":[{"b":1}]}')
    expect(prepare(anything, Object.assign(Object.create(null), { a: 1 })).text).toBe('{"a":1}')
    expect(refusalOf(() => prepare(anything, runInNewContext('[new Date()]'))).code).toBe('contract/not-json')
  })

  it('leaves out an undefined field, which is how optional data is written', () => {
    for (const schema of [
      z.object({ a: z.string().optional(), b: z.string() }),
      toStandardJsonSchema(v.object({ a: v.optional(v.string()), b: v.string() })),
      { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } },
    ] as const) {
      expect(prepare(declare(schema), { a: undefined, b: 'x' }).text).toBe('{"b":"x"}')
    }
  })

  it('refuses NUL and half a surrogate pair wherever they hide, and no innocent backslash', () => {
    const pathOf = (data: unknown) => {
      const error = refusalOf(() => prepare(anything, data))
      expect(error.code).toBe('contract/unstorable-text')
      return error.values.path
    }
    expect(pathOf({ a: [{ b: 'x\0y' }] })).toBe('a[0].b')
    expect(pathOf({ 'k\0': 1 })).toBe('["k\\u0000"]')
    expect(pathOf(['\ud800'])).toBe('[0]')
    expect(pathOf('\udfff')).toBe('')
    expect(prepare(anything, ['\\u0000', '\\ud800', '😀', '\\\\u0000']).text).toBe(
      JSON.stringify(['\\u0000', '\\ud800', '😀', '\\\\u0000']),
    )
  })

  it('refuses more than its limit, counted in bytes of UTF-8', () => {
    const event = declare(z.any(), 100)
    expect(prepare(event, 'ü'.repeat(49)).text).toHaveLength(51)
    expect(refusalOf(() => prepare(event, 'ü'.repeat(50))).code).toBe('contract/payload-too-large')
    expect(refusalOf(() => prepare(anything, 'x'.repeat(payloadBytesMaxDefault - 1))).values).toMatchObject({
      payloadBytesMax: payloadBytesMaxDefault,
    })
    expect(prepare(anything, 'x'.repeat(payloadBytesMaxDefault - 2)).stream).toBe('Happened')
  })

  it('refuses 10 MiB, and data that unfolds to 2^60 values, before any validator sees them', () => {
    let seen = 0
    const watched = declare(z.any().refine(() => ++seen > 0))
    for (const data of [['x'.repeat(10 * 1024 * 1024)], exploding]) {
      expect(refusalOf(() => prepare(watched, data)).code).toBe('contract/payload-too-large')
    }
    expect(seen).toBe(0)
  })

  it('carries every JSON value unchanged', () => {
    const storable = fc.jsonValue({ stringUnit: 'binary', maxDepth: 5 }).filter((value) => {
      const text = JSON.stringify(value)
      return !text.includes('\\u0000') && !text.includes('__proto__')
    })
    fc.assert(
      fc.property(storable, (value) => {
        expect(prepare(anything, value).text).toBe(JSON.stringify(value))
      }),
    )
  })
})

describe('a refusal', () => {
  const secret = 'hunter2-very-secret'
  const schemas: [string, SchemaSource][] = [
    ['zod', z.object({ a: z.email(), b: z.number(), c: z.enum(['x']), d: z.object({ e: z.literal(1) }) })],
    ['arktype', type({ a: 'string.email', b: 'number', c: "'x'", d: { e: '1' } })],
    [
      'valibot',
      toStandardJsonSchema(
        v.object({
          a: v.pipe(v.string(), v.email()),
          b: v.number(),
          c: v.picklist(['x']),
          d: v.object({ e: v.literal(1) }),
        }),
      ),
    ],
    [
      'JSON Schema',
      {
        type: 'object',
        properties: {
          a: { type: 'string', pattern: '@' },
          b: { type: 'number' },
          c: { enum: ['x'] },
          d: { type: 'object', properties: { e: { const: 1 } } },
        },
      },
    ],
    [
      'a custom message',
      z.object({
        a: z.string().refine(() => false, { error: (issue) => `bad ${issue.input}` }),
        b: z.any(),
        c: z.any(),
        d: z.any(),
      }),
    ],
  ]

  it.each(schemas)('of %s never prints a value', (_, schema) => {
    const error = refusalOf(() => prepare(declare(schema), { a: secret, b: secret, c: secret, d: { e: secret } }))
    expect(error.code).toBe('contract/invalid-payload')
    expect(`${error.message} ${error.help} ${JSON.stringify(error)} ${String(error.stack)}`).not.toContain('hunter2')
    expect((error.values.problems as unknown[]).length).toBeGreaterThan(0)
  })

  it('cuts off an endless key', () => {
    const error = refusalOf(() => prepare(declare(z.object({})), { ['k'.repeat(100_000)]: 1 }))
    expect(error.message.length).toBeLessThan(500)
  })
})
