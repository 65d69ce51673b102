import { expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { systemScheduler } from '../base/base.ts'
import { service } from '../contract/contract.ts'
import { Membership } from '../log/membership.ts'
import { logMigrations } from '../log/migrations.ts'
import { SqlOwnerLog } from '../log/reader.ts'
import { publish } from '../outbox/outbox.ts'
import { migrate } from '../store/migrate.ts'
import type { Database } from '../store/store.ts'
import { type Message, toMessage } from '../transport/transport.ts'
import { HintInbox } from './hint-inbox.ts'
import { consumer, inboxMigrations, on } from './inbox.ts'

const user = service('user')
const Renamed = user.event('Renamed', {
  schemaVersion: 1,
  schema: z.object({ userId: z.string(), n: z.number() }),
  key: (data) => data.userId,
})

interface World {
  readonly owner: Database
  readonly reader: Database
  /** A process that runs the consumer; handlers of n = 1 fail while `isBroken`. */
  readonly inbox: (start: 'beginning' | 'now') => Promise<HintInbox>
  readonly publish: (n: number) => Promise<void>
  readonly message: (version: number) => Promise<Message>
  readonly applied: () => Promise<readonly number[]>
  isBroken: boolean
}

async function world(): Promise<World> {
  const owner = await (await freshDatabase()).connect()
  const reader = await (await freshDatabase()).connect()
  await migrate(owner, [logMigrations])
  await migrate(reader, [logMigrations, inboxMigrations])
  await reader.query('create table ordered(at bigserial, n int)')
  const log = new SqlOwnerLog('user', owner)
  const made: World = {
    owner,
    reader,
    isBroken: false,
    inbox: async (start) => {
      const members = new Membership(reader, systemScheduler())
      await members.start()
      const handle = on(Renamed, async (tx, { data }) => {
        if (data.n === 1 && made.isBroken) throw new Error('not now')
        await tx.query('insert into ordered(n) values ($1)', [data.n])
      })
      const count = consumer('count', { from: user, handlers: [handle], start })
      return new HintInbox(
        { database: reader, log, members, consumer: count },
        { service: 'progress', start, pollMs: 0 },
      )
    },
    publish: async (n) => {
      await owner.transaction((tx) => publish(tx, Renamed, { userId: 'u', n }))
      await owner.query('select selvedge.tick()')
    },
    message: async (version) => {
      const [event] = await log.gap('count', 'Renamed/u', version - 1, 1)
      const { rows } = await owner.query<{ id: number }>('select max(id)::int as id from selvedge.tick')
      return toMessage({ ...event!, epoch: 1, tick: rows[0]!.id })
    },
    applied: async () =>
      (await reader.query<{ n: number }>('select n from ordered order by at')).rows.map((row) => row.n),
  }
  return made
}

test('a message that comes before the lanes are known waits behind the parked events of its stream', async () => {
  const made = await world()
  await made.publish(1)
  made.isBroken = true
  await (await made.inbox('beginning')).take([await made.message(1)])
  await made.publish(2)
  const later = await made.inbox('beginning')
  await later.take([await made.message(2)])
  expect(await made.applied()).toEqual([])
  made.isBroken = false
  await made.reader.query('update selvedge.parked_stream set next_try = clock_timestamp()')
  const bothApplied = async (): Promise<boolean> => {
    await later.catchUp()
    return (await made.applied()).length === 2
  }
  await waitFor(bothApplied, { within: 20_000 })
  expect(await made.applied()).toEqual([1, 2])
})

test('a consumer that begins now is not brought the history of a stream by its first message', async () => {
  const made = await world()
  for (const n of [1, 2, 3]) await made.publish(n)
  const inbox = await made.inbox('now')
  await inbox.catchUp()
  await made.publish(4)
  await inbox.take([await made.message(4)])
  for (let round = 0; round < 3; round++) await inbox.catchUp()
  expect(await made.applied()).toEqual([4])
})
