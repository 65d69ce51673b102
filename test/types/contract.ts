/** What the contract's types infer, and what must not compile. Compiled by tsc; never run. */
import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import {
  type EnvelopeEvent,
  type EventType,
  type MessageType,
  pathOf,
  prepare,
  prepareResponse,
  receive,
  receiveRequest,
  receiveResponse,
  service,
  validate,
} from 'selvedge/contract'
import * as v from 'valibot'
import { z } from 'zod'
import type { LoggedEvent } from '../../src/log/event.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function expectType<_Ok extends true>(): void {}

const user = service('user', { team: 'accounts' })
const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string(), email: z.email() }) })

// The data is inferred from the schema, whichever library wrote it.
const EmailChanged = user.event('EmailChanged', {
  schemaVersion: 2,
  about: User,
  schema: z.object({ userId: z.string(), email: z.email() }),
  upcast: { 1: (v1: { id: string; mail: string }) => ({ userId: v1.id, email: v1.mail }) },
})
expectType<Equal<typeof EmailChanged, EventType<{ userId: string; email: string }>>>()

const ByArktype = user.event('ByArktype', { schemaVersion: 1, schema: type({ a: 'string', 'b?': "'x' | 'y'" }) })
expectType<Equal<typeof ByArktype, EventType<{ a: string; b?: 'x' | 'y' }>>>()

const ByValibot = user.event('ByValibot', {
  schemaVersion: 1,
  schema: toStandardJsonSchema(v.object({ a: v.string(), b: v.number() })),
})
expectType<Equal<typeof ByValibot, EventType<{ a: string; b: number }>>>()

const ByJsonSchema = user.event('ByJsonSchema', {
  schemaVersion: 1,
  about: User,
  schema: {
    type: 'object',
    properties: {
      id: { type: 'string' },
      count: { type: ['integer', 'null'] },
      tags: { type: 'array', items: { enum: ['new', 'old'] } },
      extra: { type: 'object', additionalProperties: { type: 'boolean' } },
    },
    required: ['id', 'tags'],
  },
})
expectType<
  Equal<
    typeof ByJsonSchema,
    EventType<{ id: string; count?: number | null; tags: ('new' | 'old')[]; extra?: { [key: string]: boolean } }>
  >
>()

const SendReceipt = user.message('SendReceipt', { schemaVersion: 1, schema: z.object({ cents: z.int() }) })
expectType<Equal<typeof SendReceipt, MessageType<{ cents: number }>>>()

// A key may be left out where the data names the entity, and is typed by the data where it is given.
const Keyed = user.event('Keyed', {
  schemaVersion: 1,
  about: User,
  schema: z.object({ who: z.string() }),
  key: (data) => data.who,
})
user.event('Bare', { schemaVersion: 1, schema: z.object({ at: z.string() }) })
// @ts-expect-error the data names no user, so the key must be given
user.event('NoKey', { schemaVersion: 1, about: User, schema: z.object({ who: z.string() }) })
user.event('BadKey', {
  schemaVersion: 1,
  about: User,
  schema: z.object({ who: z.string() }),
  // @ts-expect-error the data has no such field
  key: (data) => data.whom,
})
// @ts-expect-error the key is not a field
user.entity('NoField', { key: 'uuid', schema: z.object({ id: z.string() }) })
// @ts-expect-error a key is text or a number
user.entity('ObjectKey', { key: 'id', schema: z.object({ id: z.object({}) }) })
// @ts-expect-error a misspelt option
user.event('Misspelt', { schemaVersion: 1, abuot: User, schema: z.object({ userId: z.string() }) })

// Upcasts end at the newest data.
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
  schema: z.object({ userId: z.string(), locale: z.string().default('en') }),
  upcast: {
    1: (v1: { id: string }) => ({ identifier: v1.id }),
    2: (v2: { identifier: string }) => ({ userId: v2.identifier }),
  },
})

// Writers give what the contract promises, no less and no more; readers get it.
prepare(EmailChanged, { userId: '1', email: 'ada@example.org' })
// @ts-expect-error a promised field is missing
prepare(EmailChanged, { userId: '1' })
// @ts-expect-error a field the contract does not promise
prepare(EmailChanged, { userId: '1', email: 'ada@example.org', nickname: 'x' })
// @ts-expect-error a field of another type
validate(EmailChanged, { userId: 1, email: 'ada@example.org' })
// @ts-expect-error a message has no stream
prepare(SendReceipt, { cents: 1 })
const received = receive(EmailChanged, 1, {})
expectType<Equal<typeof received, { userId: string; email: string }>>()

// Events of every kind of data go into one list, and an event of the log into every envelope and back.
const all: readonly EventType[] = [EmailChanged, ByArktype, ByValibot, ByJsonSchema, Keyed]
all satisfies typeof user.events
declare const logged: LoggedEvent<{ userId: string }>
logged satisfies EnvelopeEvent<{ userId: string }>
declare const enveloped: EnvelopeEvent
enveloped satisfies LoggedEvent

// Operations know their path's parameters, their request and their answer.
const changeEmail = user.operation('changeEmail', {
  method: 'PUT',
  path: '/users/{userId}/emails/{kind}',
  body: z.object({ email: z.email() }),
  response: z.object({ changed: z.boolean() }),
})
const { params, query, body } = receiveRequest(changeEmail, {})
expectType<Equal<typeof body, { email: string }>>()
expectType<Equal<typeof query, undefined>>()
params satisfies { userId: string; kind: string }
// @ts-expect-error the path has no such parameter
params.courseId
prepareResponse(changeEmail, { changed: true })
// @ts-expect-error the answer promises a boolean
prepareResponse(changeEmail, { changed: 'yes' })
// @ts-expect-error the answer promises no more
prepareResponse(changeEmail, { changed: true, passwordHash: 'x' })
receiveResponse(changeEmail, {}).changed satisfies boolean
pathOf(changeEmail, { userId: '42', kind: 'home' })
// @ts-expect-error the path needs both
pathOf(changeEmail, { userId: '42' })
// @ts-expect-error no such method
user.operation('odd', { method: 'TRACE', path: '/' })
