/** What the services of the verdict suite speak of: persons by a text key, and seats by a key of two parts; and how rows of them come about. */
import { z } from 'zod'
import { type EventType, service } from '../../src/contract/contract.ts'
import { keyText } from '../../src/invariant/invariant.ts'

export type Value = string | number | boolean | null
export type Fields = Readonly<Record<string, Value>>

export const people = service('people')
const personKey = { id: z.string() }
const personFields = {
  name: z.string(),
  email: z.string().nullable(),
  score: z.number().nullable(),
  active: z.boolean(),
}
const seatKey = { course: z.string(), learner: z.number() }
const seatFields = { price: z.number(), note: z.string().nullable(), since: z.string().nullable() }

export const Person = people.entity('Person', { key: 'id', schema: z.object({ ...personKey, ...personFields }) })
const about = { schemaVersion: 1, about: Person } as const
export const PersonSaved = people.event('PersonSaved', {
  ...about,
  schema: z.object({ ...personKey, ...personFields }),
})
export const PersonPatched = people.event('PersonPatched', {
  ...about,
  schema: z.object({ ...personKey, ...z.object(personFields).partial().shape }),
})
export const PersonRemoved = people.event('PersonRemoved', { ...about, kind: 'tombstone', schema: z.object(personKey) })

const Seat = people.entity('Seat', { key: 'course', schema: z.object({ ...seatKey, ...seatFields }) })
const aboutSeat = {
  schemaVersion: 1,
  about: Seat,
  key: ({ course, learner }: { course: string; learner: number }) => keyText([course, String(learner)]),
} as const
const SeatSaved = people.event('SeatSaved', { ...aboutSeat, schema: z.object({ ...seatKey, ...seatFields }) })
const SeatPatched = people.event('SeatPatched', {
  ...aboutSeat,
  schema: z.object({ ...seatKey, ...z.object(seatFields).partial().shape }),
})
const SeatRemoved = people.event('SeatRemoved', { ...aboutSeat, kind: 'tombstone', schema: z.object(seatKey) })

/** What the owner says after an upgrade of which no reader knows. */
const newer = service('people')
const NewPerson = newer.entity('Person', { key: 'id', schema: z.object(personKey) })
export const PersonSavedAnew = newer.event('PersonSaved', {
  schemaVersion: 2,
  about: NewPerson,
  schema: z.object({ ...personKey, ...personFields, pronouns: z.string() }),
  upcast: { 1: (old: object) => ({ ...old, pronouns: '' }) as never },
})

type AnyEvent = EventType<Fields>
const anyEvent = (event: unknown): AnyEvent => event as AnyEvent

/** A kind of row: its table at the owner, and the events that tell of it. */
export interface Kind {
  readonly entity: 'Person' | 'Seat'
  readonly table: string
  readonly keys: readonly string[]
  readonly columns: Readonly<Record<string, string>>
  readonly saved: AnyEvent
  readonly patched: AnyEvent
  readonly removed: AnyEvent
}

export const persons: Kind = {
  entity: 'Person',
  table: 'person',
  keys: ['id'],
  columns: { name: 'text not null', email: 'text', score: 'numeric(9,2)', active: 'boolean not null' },
  saved: anyEvent(PersonSaved),
  patched: anyEvent(PersonPatched),
  removed: anyEvent(PersonRemoved),
}
export const seats: Kind = {
  entity: 'Seat',
  table: 'seat',
  keys: ['course', 'learner'],
  columns: { price: 'numeric(9,2) not null', note: 'text', since: 'timestamptz' },
  saved: anyEvent(SeatSaved),
  patched: anyEvent(SeatPatched),
  removed: anyEvent(SeatRemoved),
}

/** One person or seat. */
export interface Thing {
  readonly kind: Kind
  readonly key: readonly (string | number)[]
}

/** The key as findings print it. */
export const textOf = ({ key }: Thing): string => keyText(key.map(String))
export const streamOf = (thing: Thing): string => `${thing.kind.entity}/${textOf(thing)}`
/** The key's columns with their values. */
export const keyFields = ({ kind, key }: Thing): Fields =>
  Object.fromEntries(kind.keys.map((name, n) => [name, key[n]!]))

/** Something that happens to a thing. */
export type Op =
  | { readonly does: 'save'; readonly fields: Fields }
  | { readonly does: 'patch'; readonly fields: Fields }
  | { readonly does: 'remove' }

export const eventOf = ({ kind }: Thing, op: Op): AnyEvent =>
  op.does === 'save' ? kind.saved : op.does === 'patch' ? kind.patched : kind.removed
export const dataOf = (thing: Thing, op: Op): Fields =>
  op.does === 'remove' ? keyFields(thing) : { ...keyFields(thing), ...op.fields }

/** A statement with its values. */
export interface Sql {
  readonly text: string
  readonly values: readonly Value[]
}

/** The statement that makes a table hold what an op says; the owner and every handler write by it. */
export function write(table: string, thing: Thing, op: Op): Sql {
  const { kind, key } = thing
  const where = kind.keys.map((name, n) => `${name} = $${n + 1}`).join(' and ')
  if (op.does === 'remove') return { text: `delete from ${table} where ${where}`, values: key }
  const names = Object.keys(op.fields)
  const set = names.map((name, n) => `${name} = $${kind.keys.length + n + 1}`).join(', ')
  const values = [...key, ...Object.values(op.fields)]
  if (op.does === 'patch') return { text: `update ${table} set ${set} where ${where}`, values }
  const all = [...kind.keys, ...names]
  const places = all.map((_, n) => `$${n + 1}`).join(', ')
  return {
    text: `insert into ${table}(${all.join(', ')}) values (${places}) on conflict (${kind.keys.join(', ')}) do update set ${set}`,
    values,
  }
}
