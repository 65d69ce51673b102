import { expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { service } from '../contract/contract.ts'
import type { LoggedEvent } from '../log/event.ts'
import { logMigrations } from '../log/migrations.ts'
import { migrate } from '../store/migrate.ts'
import { consumer, onMany, parkedStreams } from './inbox.ts'
import { InboxEffect } from './inbox-effect.ts'
import { inboxMigrations } from './migrations.ts'
import { Versions } from './versions.ts'

const user = service('user')
const schema = z.object({ userId: z.string() })
const Named = user.event('Named', { schemaVersion: 1, schema, key: (data) => data.userId })

test('two streams that fail beside many others are set aside, whatever it takes to tell which they are', async () => {
  const fresh = await freshDatabase()
  const db = await fresh.connect()
  await migrate(db, [logMigrations, inboxMigrations])
  await db.query('create table seen(user_id text)')
  const runs: number[] = []
  // A handler of many cannot say which event it failed at.
  const handler = onMany([Named], async (tx, events) => {
    runs.push(events.length)
    if (events.some(({ data }) => data.userId === 'u140')) throw new Error('the handler cannot bear this one')
    for (const { data } of events) await tx.query('insert into seen values ($1)', [data.userId])
  })
  const seen = consumer('seen', { from: user, handlers: [handler] })
  const effect = new InboxEffect(db, seen, async () => [], new Versions(db.schema, 'seen', 'user'))

  await effect.applyHints(Array.from({ length: 150 }, (_, n) => named(`u${n}`, n === 145 ? 2 : 1)))

  expect((await parkedStreams(db)).map(({ stream }) => stream).sort()).toEqual(['Named/u140', 'Named/u145'])
  expect((await db.query('select from seen')).rowCount).toBe(148)
  // Once event by event is enough: the whole is not begun again for each of them.
  expect(runs.reduce((sum, length) => sum + length, 0)).toBeLessThan(4 * 150)
  await fresh.drop()
})

function named(userId: string, schemaVersion: number): LoggedEvent {
  const place = { source: 'user', epoch: 1, tick: 1, seq: 1, lane: 0, stream: `Named/${userId}`, version: 1 }
  const id = `00000000-0000-7000-8000-${userId.slice(1).padStart(12, '0')}`
  return { ...place, id, type: 'Named', schemaVersion, op: 'event', at: new Date(0), data: { userId } }
}
