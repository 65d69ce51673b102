/** Several services in one database, each with a schema of its own and a name that has to be quoted. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { service } from '../contract/contract.ts'
import { consumer, on, parkedStreams, release } from '../inbox/inbox.ts'
import { dropReadPartitions, expireConsumers, upkeepLog } from '../log/upkeep.ts'
import { publish } from '../outbox/outbox.ts'
import type { Transaction } from '../store/store.ts'
import { defineService } from './service.ts'

const contractOf = (name: string) => {
  const contract = service(name)
  const Thing = contract.entity('Thing', { key: 'id', schema: z.object({ id: z.string() }) })
  const schema = z.object({ thingId: z.string() })
  return { contract, Happened: contract.event(`Happened`, { schemaVersion: 1, about: Thing, schema }) }
}
const a = contractOf('alpha')
const b = contractOf('beta')

const insert = (table: string, tx: Transaction, text: string) => tx.query(`insert into ${table} values ($1)`, [text])
const hostileKey = `o'key "x" \\ %s $1 __proto__`

test.each([
  ['svc a', 'svc-b"x'],
  [`100% "o'k\\`, 'Ünï $1'],
])('services in schemas %j and %j of one database hear each other and mix nothing', async (schemaOfA, schemaOfB) => {
  const { connect } = await freshDatabase()
  const [dbA, dbB] = await Promise.all([connect({ schema: schemaOfA }), connect({ schema: schemaOfB })])
  await dbA.query('create table a_heard(text text); create table b_heard(text text)')
  let broken = true
  const serviceA = defineService({
    contract: a.contract,
    database: dbA,
    sources: { beta: { database: dbB } },
    consumers: [
      consumer(`a's "ear"`, {
        from: b.contract,
        handlers: [on(b.Happened, (tx, event) => insert('a_heard', tx, event.data.thingId).then(() => undefined))],
      }),
    ],
  })
  const serviceB = defineService({
    contract: b.contract,
    database: dbB,
    sources: { alpha: { database: dbA } },
    consumers: [
      consumer('ear', {
        from: a.contract,
        handlers: [
          on(a.Happened, async (tx, event) => {
            if (broken) throw new Error('not yet')
            await insert('b_heard', tx, event.data.thingId)
            await publish(tx, b.Happened, { thingId: `echo of ${event.data.thingId}` })
          }),
        ],
      }),
    ],
  })
  await serviceA.start()
  await serviceB.start()

  await dbA.transaction((tx) => publish(tx, a.Happened, { thingId: hostileKey }))
  const waiting = await waitFor(async () => (await parkedStreams(dbB))[0], {
    within: 20_000,
    what: 'the parked stream',
  })
  expect(waiting).toMatchObject({ consumer: 'ear', source: 'alpha', stream: `Thing/${hostileKey}`, firstVersion: 1 })
  broken = false
  await release(dbB, 'ear')
  const echo = await waitFor(async () => (await dbA.query('select text from a_heard')).rows[0], { within: 20_000 })

  expect(echo).toEqual({ text: `echo of ${hostileKey}` })
  expect((await dbB.query('select text from b_heard')).rows).toEqual([{ text: hostileKey }])
  expect(await parkedStreams(dbA)).toEqual([])
  for (const db of [dbA, dbB]) {
    await upkeepLog(db)
    expect(await expireConsumers(db, 60_000)).toEqual([])
    expect(await dropReadPartitions(db, 0)).toEqual([])
  }
  await Promise.all([serviceA.stop(), serviceB.stop()])
})
