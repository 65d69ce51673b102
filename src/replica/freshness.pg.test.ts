/** Copies fed by running services: fresh while the owner is idle, honest while it is away, erased when it erases. */
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { milliseconds } from '../base/duration.ts'
import { service } from '../contract/contract.ts'
import { redact } from '../log/log.ts'
import { publish } from '../outbox/outbox.ts'
import { defineService, type RunningService } from '../service/service.ts'
import { ownerWins, replica } from './replica.ts'

const user = service('user')
const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string(), name: z.string() }) })
const UserNamed = user.event('UserNamed', {
  schemaVersion: 1,
  about: User,
  schema: z.object({ userId: z.string(), name: z.string() }),
})

const running: RunningService[] = []
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})

/** An owner, and a service that copies from it. */
async function world(freshWithinMs: number) {
  const copy = replica(User, {
    keep: ['name'],
    conflict: { name: ownerWins },
    from: [UserNamed],
    freshWithin: milliseconds(freshWithinMs),
  })
  const [users, progress] = await Promise.all([freshDatabase(), freshDatabase()])
  const [usersDb, progressDb] = [await users.connect(), await progress.connect()]
  await progressDb.query('create table user_copy (id text primary key, name text)')
  const owner = defineService({ contract: user, database: usersDb })
  const reader = defineService({
    contract: service('progress'),
    database: progressDb,
    replicas: [copy],
    sources: { user: { database: usersDb } },
    pollMs: 20,
  })
  running.push(owner, reader)
  await owner.start()
  await reader.start()
  const name = (userId: string, text: string) =>
    usersDb.transaction((tx) => publish(tx, UserNamed, { userId, name: text }))
  return { copy, users, usersDb, progressDb, name, get: (id: string) => copy.get(progressDb, id) }
}

test('a copy of an idle owner is not behind, and the asking goes on without a write', async () => {
  const { name, get, progressDb } = await world(1_000)
  await name('1', 'Ada')
  const first = await waitFor(async () => (await get('1'))?.freshness, { within: 20_000 })
  const stored = "select max(n) as n from selvedge.position where consumer = 'progress.user_copy'"

  const later = await waitFor(
    async () => {
      const freshness = (await get('1'))?.freshness
      return freshness && freshness.asOf.getTime() > first.asOf.getTime() + 2_000 ? freshness : undefined
    },
    { within: 20_000 },
  )

  expect(later).toMatchObject({ version: 1, behind: { milliseconds: 0 }, state: 'live' })
  const before = (await progressDb.query(stored)).rows
  const { asOf } = later
  await waitFor(async () => (await get('1'))!.freshness.asOf.getTime() > asOf.getTime() + 500, { within: 20_000 })
  expect((await progressDb.query(stored)).rows).toEqual(before)
})

test('a copy answers while its owner is down, and says how long it has not heard of it', async () => {
  const { name, get, users } = await world(300)
  await name('1', 'Ada')
  await waitFor(() => get('1'), { within: 20_000 })

  await running[0]?.stop()
  await users.drop()

  const copy = await waitFor(
    async () => {
      const found = await get('1')
      return found && found.freshness.behind.milliseconds > 300 ? found : undefined
    },
    { within: 20_000 },
  )
  expect(copy).toMatchObject({ name: 'Ada', freshness: { version: 1 } })
})

test('an erasure at the owner empties the copy', async () => {
  const { name, get, usersDb } = await world(5_000)
  await name('1', 'Ada')
  await waitFor(() => get('1'), { within: 20_000 })

  await usersDb.transaction((tx) => redact(tx, 'User/1'))

  await waitFor(async () => (await get('1'))?.name === null, { within: 20_000 })
  expect((await get('1'))?.freshness.version).toBe(2)
})
