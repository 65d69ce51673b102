import { type } from 'arktype'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isSelvedgeError, type SelvedgeError } from '../base/error.ts'
import { receive, service, validate } from './contract.ts'
import { depthMax } from './inspect.ts'

const user = service('user')
const NameChanged = user.event('NameChanged', {
  schemaVersion: 3,
  schema: z.object({
    userId: z.string(),
    firstName: z.string(),
    lastName: z.string(),
    locale: z.string().default('en'),
  }),
  upcast: {
    1: (v1: { id: string; name: string }) => ({ userId: v1.id, name: v1.name }),
    2: ({ name, ...rest }: { userId: string; name: string }) => {
      const [firstName = '', lastName = ''] = name.split(' ')
      return { ...rest, firstName, lastName }
    },
  },
})
const newest = { userId: '42', firstName: 'Ada', lastName: 'Lovelace', locale: 'en' }

function refusalOf(work: () => unknown): SelvedgeError {
  try {
    work()
  } catch (error) {
    if (isSelvedgeError(error)) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('receiving an event', () => {
  it('brings data of every older version to the newest, step by step', () => {
    expect(receive(NameChanged, 1, { id: '42', name: 'Ada Lovelace' })).toEqual(newest)
    expect(receive(NameChanged, 2, { userId: '42', name: 'Ada Lovelace' })).toEqual(newest)
    expect(receive(NameChanged, 3, { userId: '42', firstName: 'Ada', lastName: 'Lovelace' })).toEqual(newest)
  })

  it('ignores keys it does not know, even under a strict schema, and does not touch what it was given', () => {
    const strict = user.event('Strict', {
      schemaVersion: 1,
      schema: z.strictObject({ a: z.strictObject({ b: z.number() }), list: z.array(z.strictObject({})) }),
    })
    const given = { a: { b: 1, later: 2 }, list: [{ later: 3 }, {}], later: { deep: [4] } }
    const before = structuredClone(given)
    expect(receive(strict, 1, given)).toEqual({ a: { b: 1 }, list: [{}, {}] })
    expect(given).toEqual(before)
  })

  it('hands over the very object when a library that checks in place finds nothing unknown', () => {
    const checked = user.event('Checked', { schemaVersion: 1, schema: type({ a: 'string' }) })
    const given = { a: 'x' }
    expect(receive(checked, 1, given)).toBe(given)
  })

  it('leaves out __proto__ everywhere', () => {
    const open = user.event('Open', { schemaVersion: 1, schema: { type: 'object' } })
    const received = receive(open, 1, JSON.parse('{"a":{"__proto__":{"admin":true},"b":1}}')) as { a: object }
    expect(Object.keys(received.a)).toEqual(['b'])
    expect(Object.assign({}, received.a)).not.toHaveProperty('admin')
  })

  it.each([4, 0, -1, 1.5, Number.NaN])('names the contract and both versions when version %d is unknown', (had) => {
    expect(refusalOf(() => receive(NameChanged, had, newest))).toMatchObject({
      code: 'contract/unknown-schema-version',
      message: `event user.NameChanged arrived with schemaVersion ${had}; this reader knows 3`,
      values: { service: 'user', contract: 'NameChanged', had: String(had), known: 3 },
    })
  })

  it('works alike for a message', () => {
    const send = user.message('SendReceipt', {
      schemaVersion: 2,
      schema: z.object({ userId: z.string() }),
      upcast: { 1: (v1: { id: string }) => ({ userId: v1.id }) },
    })
    expect(validate(send, { userId: '42' })).toEqual({ userId: '42' })
    expect(receive(send, 1, { id: '42' })).toEqual({ userId: '42' })
    expect(refusalOf(() => receive(send, 3, {})).message).toContain('message user.SendReceipt')
  })

  it('refuses a version whose upcast is gone', () => {
    const forgetful = user.event('Forgetful', {
      schemaVersion: 3,
      schema: z.object({ a: z.string() }),
      upcast: { 2: () => ({ a: 'x' }) },
    })
    expect(receive(forgetful, 2, {})).toEqual({ a: 'x' })
    expect(refusalOf(() => receive(forgetful, 1, {}))).toMatchObject({ code: 'contract/unknown-schema-version' })
  })

  it('says which step failed and keeps the data out of the message', () => {
    const error = refusalOf(() => receive(NameChanged, 2, { userId: '42', name: null }))
    expect(error).toMatchObject({ code: 'contract/upcast-failed', values: { from: 2 } })
    expect(error.cause).toBeInstanceOf(TypeError)
  })

  it('refuses what breaks the contract, with the paths', () => {
    const error = refusalOf(() => receive(NameChanged, 3, { ...newest, lastName: { secret: 'hunter2' } }))
    expect(error).toMatchObject({ code: 'contract/invalid-payload', values: { problems: [{ path: 'lastName' }] } })
    expect(JSON.stringify(error)).not.toContain('hunter2')
    for (const nothing of [null, undefined, 'text', []]) {
      expect(refusalOf(() => receive(NameChanged, 3, nothing)).code).toBe('contract/invalid-payload')
    }
  })

  it('refuses what a stranger nested without end', () => {
    const open = user.event('Deep', { schemaVersion: 1, schema: z.any() })
    const deep = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`)
    expect(refusalOf(() => receive(open, 1, deep(100_000))).code).toBe('contract/invalid-payload')
    expect(receive(open, 1, deep(depthMax))).toEqual(deep(depthMax))
  })
})
