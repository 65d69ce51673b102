/** A consumer of messages that starts again from a snapshot: what the snapshot holds is never applied to it once more. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { systemScheduler } from '../base/base.ts'
import { service } from '../contract/contract.ts'
import { publish } from '../outbox/outbox.ts'
import { defineService } from '../service/service.ts'
import { type Channel, memoryChannel, type Packet } from '../transport/transport.ts'
import { consumer, on } from './inbox.ts'

const user = service('user')
const Renamed = user.event('Renamed', {
  schemaVersion: 1,
  schema: z.object({ userId: z.string() }),
  key: (data) => data.userId,
})

test('holes and late messages of a time before the snapshot are not applied after it', async () => {
  const [ownerDatabase, readerDatabase] = [await freshDatabase(), await freshDatabase()]
  const [owner, reader] = [await ownerDatabase.connect(), await readerDatabase.connect()]
  await reader.query('create table counted (user_id text primary key, n int not null)')
  const scheduler = systemScheduler()
  const memory = memoryChannel(scheduler)
  const held: Packet[] = []
  let isHeld = false
  let taken = 0
  const channel: Channel = {
    send: (packets) => (isHeld ? Promise.resolve(void held.push(...packets)) : memory.send(packets)),
    subscribe: (name, handler) =>
      memory.subscribe(name, async (packets) => {
        await handler(packets)
        taken += packets.filter(({ kind }) => kind === 'message').length
      }),
    close: () => memory.close(),
  }
  const one = 'insert into counted values ($1, 1) on conflict (user_id) do update set n = counted.n + 1'
  let snapshots = 0
  const count = consumer('count', {
    from: user,
    handlers: [on(Renamed, async (tx, { data }) => void (await tx.query(one, [data.userId])))],
    // Messages go on while it is taken: what they bring is in the snapshot, or in the log after it.
    fromSnapshot: async () => {
      const known = await owner.query<{ id: string; n: number }>(
        `select data ->> 'userId' as id, count(*)::int as n from selvedge.log group by 1`,
      )
      const [before, meanwhile] = [taken, held.filter(({ kind }) => kind === 'message').slice(0, 2)]
      await memory.send(meanwhile)
      await waitFor(() => taken === before + meanwhile.length, { within: 5_000, what: 'messages to be taken' })
      await reader.query('delete from counted')
      for (const { id, n } of known.rows) await reader.query('insert into counted values ($1, $2)', [id, n])
      snapshots += 1
    },
  })
  const services = [
    defineService({ contract: user, database: owner, relayTo: channel }),
    defineService({
      ...{ contract: service('progress'), database: reader, consumers: [count], pollMs: 1_000 },
      sources: { user: { database: owner, channel } },
    }),
  ]
  for (const each of services) await each.start()
  const rename = (...ids: string[]) =>
    owner.transaction(async (tx) => {
      for (const userId of ids) await publish(tx, Renamed, { userId })
    })
  const counted = async () =>
    Object.fromEntries(
      (await reader.query<{ user_id: string; n: number }>('select * from counted')).rows.map((r) => [r.user_id, r.n]),
    )

  for (let n = 0; n < 3; n += 1) await rename('ada')
  await waitFor(async () => (await counted()).ada === 3, { within: 20_000, what: 'three messages' })
  isHeld = true
  await rename('ada', 'bob', 'ada', 'bob')
  const messages = () => held.filter((packet) => packet.kind === 'message')
  const punctuations = () => held.filter((packet) => packet.kind === 'punctuation')
  const isTold = () =>
    messages().every(({ lane, tick }) => punctuations().some((said) => said.lane === lane && said.toTick >= tick))
  await waitFor(() => messages().length === 4 && isTold(), { within: 20_000, what: 'messages and their counts' })
  await owner.query(`update selvedge.consumer set state = 'needs_snapshot' where name = 'count'`)
  // It says that something is missing, so that the log is read, which answers that a snapshot is needed.
  await memory.send(punctuations())
  await waitFor(() => snapshots > 0 && services[1]!.health().consumers[0]?.state === 'reading', {
    within: 20_000,
    what: 'a snapshot',
  })
  expect(await counted()).toEqual({ ada: 5, bob: 2 })

  isHeld = false
  await memory.send(held.splice(0))
  await rename('ada', 'bob')
  await rename('eve')
  await waitFor(
    async () => {
      const { ada = 0, bob = 0, eve = 0 } = await counted()
      return ada >= 6 && bob >= 3 && eve >= 1
    },
    { within: 20_000, what: 'what followed the snapshot' },
  )
  await rename('last')
  await waitFor(async () => (await counted()).last === 1, { within: 20_000, what: 'the last event' })
  expect(await counted()).toEqual({ ada: 6, bob: 3, eve: 1, last: 1 })

  for (const each of services.reverse()) await each.stop()
  await channel.close()
  await scheduler.stop()
  for (const database of [ownerDatabase, readerDatabase]) await database.drop()
})
