import { expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { service } from '../contract/contract.ts'
import { consumer, type FromSnapshot, on } from '../inbox/inbox.ts'
import { publish } from '../outbox/outbox.ts'
import { defineService, type RunningService } from '../service/service.ts'

import type { Database } from '../store/store.ts'

const user = service('user')
const Renamed = user.event('Renamed', {
  schemaVersion: 1,
  schema: z.object({ userId: z.string(), name: z.string() }),
  key: (data) => data.userId,
})

async function rename(db: Database, userId: string, name: string): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query('insert into users values ($1, $2) on conflict (id) do update set name = excluded.name', [
      userId,
      name,
    ])
    await publish(tx, Renamed, { userId, name })
  })
}

/** An owner that has forgotten its first three events, as retention does. */
async function forgetfulOwner(): Promise<{ readonly db: Database; readonly running: RunningService }> {
  const db = await (await freshDatabase()).connect()
  await db.query('create table users(id text primary key, name text)')
  const backfill = { User: `select id as key, json_build_object('name', name) as data from public.users` }
  const running = defineService({ contract: user, database: db, backfill })
  await running.start()
  for (const id of ['a', 'b', 'c', 'd']) {
    await rename(db, id, 'first')
    const ticks = `select from selvedge.tick where seq_hi = (select max(seq) from selvedge.log)`
    await waitFor(async () => (await db.query(ticks)).rowCount > 0, { within: 20_000 })
  }
  // Retention forgets nothing above the floor, which a transaction of another test on this server holds down while it is open.
  const isFree = async () => {
    await db.query('select selvedge.tick()')
    return (await db.query('select from selvedge.tick where floor_seq >= 3')).rowCount > 0
  }
  await waitFor(isFree, { within: 30_000, every: 50, what: 'the floor above what is to be forgotten' })
  await db.query('update selvedge.retained set from_seq = 4')
  await db.query('delete from selvedge.log where seq < 4')
  return { db, running }
}

async function reader(
  owner: Database,
  fromSnapshot?: (copy: Database) => FromSnapshot,
  name = 'copy',
): Promise<{ readonly db: Database; readonly running: RunningService }> {
  const db = await (await freshDatabase()).connect()
  await db.query('create table copy(id text primary key, name text)')
  const put = 'insert into copy values ($1, $2) on conflict (id) do update set name = excluded.name'
  const copy = consumer('copy', {
    from: user,
    handlers: [on(Renamed, async (tx, { data }) => void (await tx.query(put, [data.userId, data.name])))],
    ...(fromSnapshot ? { fromSnapshot: fromSnapshot(db) } : {}),
  })
  const running = defineService({
    contract: service(name),
    database: db,
    consumers: [copy],
    sources: { user: { database: owner } },
    pollMs: 20,
  })
  await running.start()
  return { db, running }
}

const copied = async (db: Database): Promise<readonly string[]> =>
  (await db.query<{ id: string }>('select id from copy order by id')).rows.map((row) => row.id)

test('a snapshot that fails half-way is taken again before anything is read, so that nothing is passed over', async () => {
  const owner = await forgetfulOwner()
  let tries = 0
  const { db, running } = await reader(owner.db, (copy) => async (read) => {
    tries += 1
    for (const { key, data } of await read('User', undefined)) {
      if (tries === 1 && key === 'b') throw new Error('the owner went away')
      const { name } = data as { name: string }
      await copy.query('insert into copy values ($1, $2) on conflict do nothing', [key, name])
    }
  })
  await rename(owner.db, 'e', 'first')
  await waitFor(async () => (await copied(db)).includes('e'), { within: 10_000 })
  expect(await copied(db)).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(tries).toBe(2)
  await waitFor(() => running.health().consumers[0]?.state === 'reading', {
    within: 20_000,
    what: `reading, not ${JSON.stringify(running.health().consumers[0])}`,
  })
  await running.stop()
  await owner.running.stop()
})

test('a consumer without a way to take a snapshot waits visibly, asks seldom, and goes on when a person has helped it', async () => {
  const owner = await forgetfulOwner()
  const { db, running } = await reader(owner.db)
  const state = (): string | undefined => running.health().consumers[0]?.state
  await waitFor(() => state() === 'needs-snapshot', { within: 20_000 })
  for (const id of ['f', 'g', 'h']) await rename(owner.db, id, 'first')
  expect(await copied(db)).toEqual([])
  await owner.db.query(`update selvedge.consumer set state = 'live' where name = 'copy'`)
  await waitFor(async () => (await copied(db)).length === 4, { within: 10_000 })
  expect(await copied(db)).toEqual(['d', 'f', 'g', 'h'])
  expect(state()).toBe('reading')
  await running.stop()
  await owner.running.stop()
})

test('a service that takes the name of another service’s consumer is refused, and does not start where that one stands', async () => {
  const owner = await forgetfulOwner()
  await owner.db.query('update selvedge.retained set from_seq = 1')
  const first = await reader(owner.db, undefined, 'first')
  await waitFor(async () => (await copied(first.db)).includes('d'), { within: 20_000 })
  const second = await reader(owner.db, undefined, 'second')
  const health = () => second.running.health().consumers[0]
  await waitFor(() => health()?.error?.includes('is one of service first'), { within: 20_000 })
  expect(health()?.lanes).toBe(0)
  await second.running.stop()
  await first.running.stop()
  await owner.running.stop()
})

test('a consumer whose database was made anew does not go on where the old one stood', async () => {
  const owner = await (await freshDatabase()).connect()
  await owner.query('create table users(id text primary key, name text)')
  const backfill = { User: `select id as key, json_build_object('name', name) as data from public.users` }
  const running = defineService({ contract: user, database: owner, backfill })
  await running.start()
  await rename(owner, 'a', 'first')
  const old = await reader(owner)
  await waitFor(async () => (await copied(old.db)).join() === 'a', { within: 10_000 })
  const tick = async () => (await owner.query<{ tick: string }>('select tick from selvedge.consumer')).rows[0]?.tick
  await waitFor(async () => Number(await tick()) > 0, { within: 10_000, what: 'the owner knows how far it is' })
  await old.running.stop()

  const plain = await reader(owner)
  const state = () => plain.running.health().consumers[0]?.state
  await waitFor(() => state() === 'needs-snapshot', { within: 10_000, what: 'it waits visibly' })
  // A person who wants it to read from the beginning removes what the owner remembers.
  await owner.query('delete from selvedge.consumer')
  await waitFor(async () => (await copied(plain.db)).join() === 'a', { within: 10_000 })
  await waitFor(async () => Number(await tick()) > 0, { within: 10_000 })
  await plain.running.stop()

  const able = await reader(owner, (copy) => async (read) => {
    for (const { key } of await read('User', undefined))
      await copy.query('insert into copy values ($1) on conflict do nothing', [key])
  })
  await waitFor(async () => (await copied(able.db)).join() === 'a', { within: 10_000 })
  await rename(owner, 'b', 'second')
  await waitFor(async () => (await copied(able.db)).join() === 'a,b', { within: 10_000 })
  for (const one of [able.running, running]) await one.stop()
})
