import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { seconds } from '../src/base/base.ts'
import { service } from '../src/contract/contract.ts'
import { dropReadPartitions, expireConsumers } from '../src/log/log.ts'
import { publish } from '../src/outbox/outbox.ts'
import { ownerWins, replica } from '../src/replica/replica.ts'
import { defineService, type RunningService } from '../src/service/service.ts'
import type { Database } from '../src/store/store.ts'
import { type FreshDatabase, freshDatabase } from './support/database.ts'
import { waitFor } from './support/wait-for.ts'

const user = service('user')
const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string(), name: z.string() }) })
const UserNamed = user.event('UserNamed', {
  schemaVersion: 1,
  about: User,
  schema: z.object({ userId: z.string(), name: z.string() }),
})
const UserDeleted = user.event('UserDeleted', {
  schemaVersion: 1,
  about: User,
  kind: 'tombstone',
  schema: z.object({ userId: z.string() }),
})
const userCopy = replica(User, {
  keep: ['name'],
  conflict: { name: ownerWins },
  from: [UserNamed, UserDeleted],
  freshWithin: seconds(5),
  table: 'user_copy',
  onDelete: 'cascade',
})

const databases: FreshDatabase[] = []
const running: RunningService[] = []
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
  for (const one of databases.splice(0)) await one.drop()
})

async function fresh(sql: string): Promise<Database> {
  const database = await freshDatabase()
  databases.push(database)
  const db = await database.connect()
  await db.query(sql)
  return db
}

/** Writes for as long as told: names, renames and deletes of a few hundred users. */
function writer(db: Database, perSecond: number) {
  let isOver = false
  let written = 0
  const one = async (n: number): Promise<void> => {
    const id = `u${n % 300}`
    await db.transaction(async (tx) => {
      if (n % 7 === 3) {
        const { rowCount } = await tx.query('delete from users where id = $1', [id])
        if (rowCount > 0) await publish(tx, UserDeleted, { userId: id })
      } else {
        await tx.query('insert into users values ($1, $2) on conflict (id) do update set name = excluded.name', [
          id,
          `name ${n}`,
        ])
        await publish(tx, UserNamed, { userId: id, name: `name ${n}` })
      }
    })
  }
  const done = (async () => {
    const began = performance.now()
    for (let n = 0; !isOver; n++) {
      // Paced by the clock, so that the claim is about a rate and not about this machine.
      const aheadMs = began + (n * 1_000) / perSecond - performance.now()
      if (aheadMs > 1) await new Promise((resolve) => setTimeout(resolve, aheadMs))
      await one(n)
      written = n + 1
    }
  })()
  return {
    get written() {
      return written
    },
    stop: async () => {
      isOver = true
      await done
    },
  }
}

const rows = async (db: Database, table: string) =>
  (await db.query<{ id: string; name: string }>(`select id, name from ${table} order by id`)).rows

test('a replica that was away while three partitions went comes back by itself, and equals its owner under writes and deletes', async () => {
  const users = await fresh('create table users (id text primary key, name text not null)')
  const progressDb = await fresh('create table user_copy (id text primary key, name text)')
  const owner = defineService({
    contract: user,
    database: users,
    backfill: { User: `select id as key, json_build_object('name', name) as data from users` },
  })
  running.push(owner)
  await owner.start()
  const progress = () =>
    defineService({
      contract: service('progress'),
      database: progressDb,
      replicas: [userCopy],
      sources: { user: { database: users, ticks: owner.ticked } },
    })
  const first = progress()
  await first.start()
  const before = writer(users, 200)
  await waitFor(() => before.written > 300, { within: 20_000 })
  await before.stop()
  await waitFor(
    async () => JSON.stringify(await rows(progressDb, 'user_copy')) === JSON.stringify(await rows(users, 'users')),
    { within: 20_000 },
  )
  await first.stop()

  const away = writer(users, 500)
  for (let partition = 1; partition <= 3; partition++) {
    const target = away.written + 100
    await waitFor(() => away.written > target, { within: 20_000 })
    // The sequence leaps into the next partition, as a million events would have taken it.
    await users.query(`select setval('selvedge.log_seq', ${partition}000000)`)
    await users.query('select selvedge.extend_log()')
  }
  await waitFor(
    async () =>
      Number(
        (await users.query<{ n: string }>('select count(*) as n from selvedge.log where seq > 3000000')).rows[0]?.n,
      ) > 50,
    { within: 20_000 },
  )
  expect(await expireConsumers(users, 0)).toEqual(['progress.user_copy'])
  const dropped = async () =>
    (await users.query<{ n: string }>(`select from_seq as n from selvedge.retained`)).rows[0]?.n
  await waitFor(
    async () => {
      await dropReadPartitions(users, 0)
      return (await dropped()) === '3000000'
    },
    { within: 20_000, what: 'three partitions are dropped' },
  )

  const second = progress()
  running.push(second)
  await second.start()
  await waitFor(() => second.health().consumers[0]?.state === 'reading', { within: 20_000 })
  const target = away.written + 300
  await waitFor(() => away.written > target, { within: 20_000 })
  await away.stop()
  await waitFor(
    async () => JSON.stringify(await rows(progressDb, 'user_copy')) === JSON.stringify(await rows(users, 'users')),
    { within: 20_000, what: 'the copy equals its owner' },
  )
  expect((await rows(users, 'users')).length).toBeGreaterThan(100)
  expect(second.health().consumers[0]?.parked).toBe(0)
})
