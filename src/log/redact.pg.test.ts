import { expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { service } from '../contract/contract.ts'
import { consumer, on, onErased } from '../inbox/inbox.ts'
import { publish } from '../outbox/outbox.ts'
import { defineService } from '../service/service.ts'
import { redact } from './redact.ts'

const user = service('user')
const Named = user.event('Named', {
  schemaVersion: 1,
  schema: z.object({ userId: z.string(), name: z.string() }),
  key: (data) => data.userId,
})

test('an erasure empties the log and the waiting events, and tells consumers, whenever they come', async () => {
  const [ownerDatabase, readerDatabase] = [await freshDatabase(), await freshDatabase()]
  const owner = await ownerDatabase.connect()
  const reader = await readerDatabase.connect()
  await reader.query('create table copy(id text primary key, name text)')
  let broken = true
  const copies = (name: string) =>
    consumer(name, {
      from: user,
      handlers: [
        on(Named, async (tx, event) => {
          if (broken && name === 'stuck') throw new Error('not now')
          await tx.query('insert into copy values ($1, $2) on conflict (id) do update set name = excluded.name', [
            `${name}/${event.data.userId}`,
            event.data.name,
          ])
        }),
        onErased(async (tx, event) => {
          await tx.query('delete from copy where id = $1', [`${name}/${event.stream.split('/')[1]}`])
        }),
      ],
    })
  const running = defineService({ contract: user, database: owner })
  const early = defineService({
    contract: service('early'),
    database: reader,
    consumers: [copies('prompt'), copies('stuck')],
    sources: { user: { database: owner, ticks: running.ticked } },
  })
  await running.start()
  await early.start()
  const say = (userId: string, name: string) => owner.transaction((tx) => publish(tx, Named, { userId, name }))
  await say('42', 'Ada Secret')
  await say('43', 'Bob')
  const names = async () =>
    (await reader.query<{ id: string }>('select id from copy order by id')).rows.map((row) => row.id)
  await waitFor(async () => (await names()).length === 2, { within: 10_000 })
  await waitFor(async () => (await reader.query('select from selvedge.parked_event')).rowCount === 2, {
    within: 10_000,
  })

  await owner.transaction(async (tx) => {
    expect(await redact(tx, 'Named/42')).toBe(1)
  })
  await waitFor(async () => (await names()).join() === 'prompt/43', { within: 10_000 })
  const secretsLeft = async () => {
    const inLog = await owner.query(`select from selvedge.log where data::text like '%Secret%'`)
    const parked = await reader.query(`select from selvedge.parked_event where event::text like '%Secret%'`)
    return inLog.rowCount + parked.rowCount
  }
  await waitFor(async () => (await secretsLeft()) === 0, { within: 10_000 })

  broken = false
  await waitFor(async () => (await names()).join() === 'prompt/43,stuck/43', {
    within: 20_000,
    what: 'what waited is applied, the erased stream as erased',
  })
  const late = defineService({
    contract: service('late'),
    database: reader,
    consumers: [copies('late')],
    sources: { user: { database: owner, ticks: running.ticked } },
  })
  await late.start()
  await waitFor(async () => (await names()).includes('late/43'), { within: 10_000 })
  expect(late.health().consumers[0]?.parked).toBe(0)
  expect((await reader.query('select from selvedge.parked_event')).rowCount).toBe(0)
  await say('42', 'Ada Again')
  await waitFor(async () => (await names()).includes('late/42'), { within: 10_000 })
  for (const one of [late, early, running]) await one.stop()
  await ownerDatabase.drop()
  await readerDatabase.drop()
})
