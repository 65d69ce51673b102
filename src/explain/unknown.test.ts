/** What is said of questions that databases cannot answer. */
import { expect, it } from 'vitest'
import type { HeldRow } from '../observe/observe.ts'
import { type Told, unknownOf } from './unknown.ts'

const row = (role: HeldRow['role'], asOf?: Date): HeldRow => {
  const held = { service: 's', table: 's.t', role, row: { id: 1 } }
  return asOf === undefined ? held : { ...held, asOf }
}
const place = (change: Partial<Told>): Told => {
  const plain = {
    service: 's',
    engine: 'postgres',
    hasLog: false,
    hasInbox: false,
    tracksCommits: false,
    rows: [],
  } as const
  return { ...plain, ...change }
}
const whats = (...places: Told[]) => unknownOf(places).map(({ what }) => what)

it('nothing where the log, the inbox and the ages are', () => {
  const [owner, copy] = [row('owner', new Date(0)), row('copy', new Date(0))]
  expect(whats(place({ hasLog: true, rows: [owner] }), place({ hasInbox: true, rows: [copy] }))).toEqual([])
  expect(whats(place({ rows: [] }))).toEqual([])
})

it('of rows that only refer to the entity nothing is asked', () => {
  expect(whats(place({ rows: [row('reference')] }))).toEqual([])
})

it('where no side is the owner, each may have written it', () => {
  const copy = row('copy', new Date(0))
  expect(whats(place({ rows: [copy] }), place({ engine: 'mysql', rows: [copy] }))).toEqual(
    Array(2).fill('who wrote or deleted it and when, and whether that was published'),
  )
})

it('the way to an age is the setting of the server only where it is off', () => {
  const [off, on, mysql] = unknownOf([
    place({ hasLog: true, rows: [row('owner')] }),
    place({ hasLog: true, tracksCommits: true, rows: [row('owner')] }),
    place({ hasLog: true, engine: 'mysql', tracksCommits: undefined, rows: [row('owner')] }),
  ]).map(({ toldBy }) => toldBy)
  expect(off).toMatch(/track_commit_timestamp = on` and a restart\.$/)
  expect([on, mysql]).toEqual(Array(2).fill('A column like `updated_at` would tell.'))
})
