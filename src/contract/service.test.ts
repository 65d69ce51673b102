import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isSelvedgeError } from '../base/error.ts'
import { service } from './contract.ts'

const schema = z.object({ userId: z.string() })

function codeOf(work: () => unknown): string | undefined {
  try {
    work()
  } catch (error) {
    return isSelvedgeError(error) ? error.code : String(error)
  }
  return undefined
}

describe('a service', () => {
  it('lists what it declares', () => {
    const user = service('user', { team: 'accounts' })
    const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string() }) })
    const Registered = user.event('UserRegistered', { schemaVersion: 1, about: User, schema })
    const Send = user.message('SendWelcome', { schemaVersion: 1, schema })
    const get = user.operation('getUser', { method: 'GET', path: '/users/{userId}', response: schema })
    expect(user).toMatchObject({ kind: 'service', name: 'user', team: 'accounts' })
    expect([user.entities, user.events, user.messages, user.operations]).toEqual([[User], [Registered], [Send], [get]])
    expect(Registered).toMatchObject({ kind: 'event', service: 'user', schemaVersion: 1, op: 'event', about: User })
  })

  it('refuses a second noun of one kind and name', () => {
    const user = service('user')
    user.event('UserRegistered', { schemaVersion: 1, schema })
    expect(codeOf(() => user.event('UserRegistered', { schemaVersion: 2, schema }))).toBe('contract/duplicate-name')
    expect(codeOf(() => user.message('UserRegistered', { schemaVersion: 1, schema }))).toBeUndefined()
  })

  it.each(['', 'a'.repeat(101), 'a b', 'a/b', "a'; drop table x", '__proto__', 'a\0b', '-a', 'a.', 'ü', '*', '>'])(
    'refuses the name %j everywhere',
    (name) => {
      const user = service('user')
      const invalid = 'contract/invalid-name'
      expect(codeOf(() => service(name))).toBe(invalid)
      expect(codeOf(() => user.event(name, { schemaVersion: 1, schema }))).toBe(invalid)
      expect(codeOf(() => user.entity(name, { key: 'userId', schema }))).toBe(invalid)
      expect(codeOf(() => user.message(name, { schemaVersion: 1, schema }))).toBe(invalid)
      expect(codeOf(() => user.operation(name, { method: 'GET', path: '/' }))).toBe(invalid)
      expect([...user.events, ...user.entities, ...user.messages, ...user.operations]).toEqual([])
    },
  )

  it('accepts letters, digits, dots and dashes up to 100 characters', () => {
    for (const name of ['User', 'user.profile-updated.2', 'a'.repeat(100)]) {
      expect(codeOf(() => service(name))).toBeUndefined()
    }
  })

  it.each([0, -1, 1.5, Number.NaN, 2 ** 60])('refuses schemaVersion %d', (schemaVersion) => {
    expect(codeOf(() => service('user').event('A', { schemaVersion, schema }))).toBe('contract/invalid-schema-version')
  })

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a limit of %d bytes', (payloadBytesMax) => {
    const declaration = { schemaVersion: 1, schema, payloadBytesMax } as const
    expect(codeOf(() => service('user').event('A', declaration))).toBe('contract/invalid-limit')
    expect(codeOf(() => service('user').message('A', declaration))).toBe('contract/invalid-limit')
  })

  it('refuses a chain of upcasts with a gap', () => {
    const upcast = { 1: () => ({}), 3: () => ({ userId: '1' }) }
    expect(codeOf(() => service('user').event('A', { schemaVersion: 4, schema, upcast }))).toBe('contract/upcast-gap')
    const ending = { 1: () => ({}) }
    expect(codeOf(() => service('user').event('A', { schemaVersion: 3, schema, upcast: ending }))).toBe(
      'contract/upcast-gap',
    )
  })

  it('may have forgotten the oldest versions', () => {
    const upcast = { 2: () => ({ userId: '1' }) }
    expect(codeOf(() => service('user').event('A', { schemaVersion: 3, schema, upcast }))).toBeUndefined()
  })
})

describe('the stream of an event', () => {
  const user = service('user')
  const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string() }) })
  const open = z.looseObject({})
  const unchecked = (name: string, key: unknown) =>
    user.event(name, { schemaVersion: 1, about: User, schema: open, key: () => key as string })

  it('is the entity and its key, from its own field or the foreign one', () => {
    const byId = user.event('ById', { schemaVersion: 1, about: User, schema: z.object({ id: z.number() }) })
    const byForeign = user.event('ByForeign', { schemaVersion: 1, about: User, schema })
    const byKey = user.event('ByKey', {
      schemaVersion: 1,
      about: User,
      schema: z.object({ who: z.string() }),
      key: (data) => data.who,
    })
    expect(byId.streamOf({ id: 42 })).toBe('User/42')
    expect(byForeign.streamOf({ userId: '42' })).toBe('User/42')
    expect(byKey.streamOf({ who: 'a/b' })).toBe('User/a/b')
  })

  it("begins with the event's name when it is about no entity", () => {
    const keyed = user.event('Keyed', { schemaVersion: 1, schema, key: (data) => data.userId })
    const bare = user.event('Bare', { schemaVersion: 1, schema })
    expect(keyed.streamOf({ userId: '42' })).toBe('Keyed/42')
    expect(bare.streamOf({ userId: '42' })).toBe('Bare')
  })

  it('is refused when two fields could name it and differ', () => {
    const both = user.event('Both', {
      schemaVersion: 1,
      about: User,
      schema: z.object({ id: z.string(), userId: z.string() }),
    })
    expect(both.streamOf({ id: '1', userId: '1' })).toBe('User/1')
    expect(codeOf(() => both.streamOf({ id: '1', userId: '2' }))).toBe('contract/invalid-stream')
  })

  it.each([
    ['Empty', ''],
    ['Absent', undefined],
    ['Null', null],
    ['Object', {}],
    ['NotANumber', Number.NaN],
    ['Nul', 'a\0b'],
    ['Long', 'a'.repeat(508)],
    ['LongInBytes', 'ü'.repeat(254)],
  ])('is refused for a key that is %s', (name, key) => {
    expect(codeOf(() => unchecked(name, key).streamOf({}))).toBe('contract/invalid-stream')
  })

  it('may be 512 bytes long', () => {
    expect(unchecked('Longest', 'a'.repeat(507)).streamOf({})).toHaveLength(512)
  })

  it('comes from no inherited property', () => {
    const odd = user.entity('Odd', { key: 'toString', schema: { type: 'object' } })
    const event = user.event('OddHappened', { schemaVersion: 1, about: odd, schema: { type: 'object' } })
    expect(codeOf(() => event.streamOf({}))).toBe('contract/invalid-stream')
  })
})
