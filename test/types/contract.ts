/** What the contract's types infer, and what must not compile. Compiled by tsc; never run. */
import { type DataOf, type EventType, service } from 'selvedge/contract'
import { z } from 'zod'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function expectType<_ok extends true>(): void {}

const user = service('user', { team: 'accounts' })
const User = user.entity('User', {
  key: 'id',
  schema: z.object({ id: z.string(), email: z.email(), tags: z.array(z.string()) }),
})
const EmailChanged = user.event('EmailChanged', {
  schemaVersion: 2,
  about: User,
  schema: z.object({ userId: z.string(), email: z.email() }),
  upcast: { 1: (v1: { id: string; mail: string }) => ({ userId: v1.id, email: v1.mail }) },
})
expectType<Equal<typeof EmailChanged, EventType<{ userId: string; email: string }>>>()

const Untyped = user.event('Raw', {
  schemaVersion: 1,
  about: User,
  schema: {
    type: 'object',
    properties: { id: { type: 'string' }, n: { type: ['integer', 'null'] } },
    required: ['id'],
  },
})
expectType<Equal<typeof Untyped, EventType<{ id: string; n?: number | null }>>>()

const keyed = user.event('Keyed', {
  schemaVersion: 1,
  about: User,
  schema: z.object({ who: z.string() }),
  key: (data) => data.who,
})
expectType<Equal<typeof keyed, EventType<{ who: string }>>>()
EmailChanged.streamOf({ userId: '1', email: 'a@b.c' })

user.event('Bare', { schemaVersion: 1, schema: z.object({ at: z.string() }) })
export type Used = DataOf<typeof User.schema>
const events: readonly EventType[] = [EmailChanged, keyed]
void events

// @ts-expect-error the data names no user, so the key must be given
user.event('NoKey', { schemaVersion: 1, about: User, schema: z.object({ who: z.string() }) })

user.event('BadUpcast', {
  schemaVersion: 2,
  about: User,
  schema: z.object({ userId: z.string() }),
  // @ts-expect-error the last upcast must give the newest data
  upcast: { 1: (v1: { id: string }) => ({ id: v1.id }) },
})
user.event('TooNew', {
  schemaVersion: 2,
  about: User,
  schema: z.object({ userId: z.string() }),
  // @ts-expect-error version 2 is the newest, there is nothing after it
  upcast: { 1: () => ({ userId: '' }), 2: () => ({ userId: '' }) },
})
user.event('TwoSteps', {
  schemaVersion: 3,
  about: User,
  schema: z.object({ userId: z.string() }),
  upcast: {
    1: (v1: { id: string }) => ({ identifier: v1.id }),
    2: (v2: { identifier: string }) => ({ userId: v2.identifier }),
  },
})
// @ts-expect-error the key is not a field
user.entity('Wrong', { key: 'uuid', schema: z.object({ id: z.string() }) })
// @ts-expect-error a key is text or a number
user.entity('Wrong2', { key: 'id', schema: z.object({ id: z.object({}) }) })
// @ts-expect-error a misspelt option
user.event('Misspelt', { schemaVersion: 1, abuot: User, schema: z.object({ userId: z.string() }) })
// @ts-expect-error the data of the event has no name
EmailChanged.streamOf({ userId: '1', email: 'a', name: 'x' })
