import { createRequire } from 'node:module'
import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isSelvedgeError } from '../base/error.ts'
import { prepare, type SchemaSource, service } from './contract.ts'

const declare = (schema: SchemaSource) => service('user').event('Happened', { schemaVersion: 1, schema })

function refusalOf(work: () => unknown) {
  try {
    work()
  } catch (error) {
    if (isSelvedgeError(error)) return error
    throw error
  }
  throw new Error('it was accepted')
}

const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('/ajv/'))

describe('a schema', () => {
  it('loads ajv when it is raw JSON Schema, and only then', () => {
    declare(z.object({ a: z.string() }))
    expect(loaded()).toBe(false)
    declare({ type: 'object', properties: { a: { type: 'string' } } })
    expect(loaded()).toBe(true)
  })

  it('may come from zod, arktype, valibot in its wrapper, or be JSON Schema', () => {
    for (const schema of [
      z.object({ a: z.string() }),
      type({ a: 'string' }),
      toStandardJsonSchema(v.object({ a: v.string() })),
      { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
    ] as const) {
      const event = service('user').event('Happened', { schemaVersion: 1, schema })
      expect(prepare(event, { a: 'x' })).toEqual({ stream: 'Happened', text: '{"a":"x"}' })
    }
  })

  it('is told how to emit JSON Schema when its library does not', () => {
    const bare = refusalOf(() => declare(v.object({ a: v.string() })))
    expect(bare.code).toBe('contract/no-json-schema')
    expect(bare.help).toContain('toStandardJsonSchema')
    const stranger = {
      '~standard': { version: 1 as const, vendor: 'other', validate: (value: unknown) => ({ value }) },
    }
    expect(refusalOf(() => declare(stranger)).code).toBe('contract/no-json-schema')
  })

  it.each([
    ['a zod date', z.object({ at: z.date() })],
    ['a zod transform', z.object({ n: z.string().transform(Number) })],
    ['a zod custom type', z.object({ x: z.custom(() => true) })],
    ['a valibot date', toStandardJsonSchema(v.object({ at: v.date() }))],
    ['a valibot transform', toStandardJsonSchema(v.object({ n: v.pipe(v.string(), v.transform(Number)) }))],
  ])('is refused with %s, which JSON Schema cannot describe', (_, schema) => {
    expect(refusalOf(() => declare(schema)).code).toBe('contract/no-json-schema')
  })

  it.each([
    ['zod', z.object({ n: z.string().transform(Number).pipe(z.number()) })],
    ['arktype', type({ n: 'string.numeric.parse' })],
    ['arktype, a date', type({ at: 'string.date.parse' })],
  ])('is refused when it returns another type than it accepts: %s', (_, schema) => {
    expect(refusalOf(() => declare(schema)).code).toBe('contract/one-way-schema')
  })

  it.each([
    ['defaults', z.object({ a: z.string().default('x'), b: z.string().prefault('y'), c: z.string().catch('z') })],
    ['trimming', z.object({ a: z.string().trim().toLowerCase() })],
    ['refinements', z.object({ a: z.string() }).refine(() => true)],
    ['arktype defaults', type({ a: "string = 'x'", 'b?': "'p' | 'q' | null", c: 'string.trim' })],
    [
      'recursion',
      z.object({
        a: z.string(),
        get children() {
          return z.array(z.object({ a: z.string() }))
        },
      }),
    ],
    ['unions and records', z.object({ a: z.union([z.string(), z.number()]), b: z.record(z.string(), z.number()) })],
    ['valibot defaults', toStandardJsonSchema(v.object({ a: v.optional(v.string(), 'x') }))],
  ])('may have %s', (_, schema) => {
    expect(declare(schema).name).toBe('Happened')
  })

  it('writes its defaults into the event', () => {
    const event = service('user').event('Happened', {
      schemaVersion: 1,
      schema: z.object({ a: z.string().default('x') }),
    })
    expect(prepare(event, {} as { a: string }).text).toBe('{"a":"x"}')
  })

  it('must be synchronous', () => {
    const slow = declare(z.object({ a: z.string().refine(async () => true) }))
    expect(refusalOf(() => prepare(slow, { a: 'x' })).code).toBe('contract/async-schema')
  })

  it.each([
    ['does not compile', { type: 'strin' }],
    ['refers to nothing', { $ref: '#/$defs/absent' }],
    ['refers elsewhere', { $ref: 'https://example.org/schema.json' }],
    ['is null', null],
    ['is a number', 7],
    ['is an array', []],
  ])('is refused when it %s', (_, schema) => {
    expect(refusalOf(() => declare(schema as SchemaSource)).code).toBe('contract/invalid-schema')
  })

  it('does not collide with another of the same $id', () => {
    const one = { $id: 'https://example.org/a', type: 'object', properties: { a: { type: 'string' } } } as const
    expect(declare(one).name).toBe('Happened')
    expect(declare({ ...one }).name).toBe('Happened')
  })
})
