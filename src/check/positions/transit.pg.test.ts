/** Sums that are conserved while money is under way: exact, at once, and never by a tolerance. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type FreshDatabase, freshDatabase } from '../../../test/support/database.ts'
import { waitFor } from '../../../test/support/wait-for.ts'
import { type Duration, milliseconds, seconds } from '../../base/base.ts'
import { service } from '../../contract/contract.ts'
import { consumer, on, parkedStreams } from '../../inbox/inbox.ts'
import { type Config, conserves, type Finding } from '../../invariant/invariant.ts'
import { publish } from '../../outbox/outbox.ts'
import { defineService, type RunningService } from '../../service/service.ts'
import type { Database } from '../../store/store.ts'
import { check } from '../check.ts'

const payment = service('payment')
const Payment = payment.entity('Payment', { key: 'id', schema: z.object({ id: z.string() }) })
const captured = z.object({ id: z.string(), course: z.string(), amount: z.string() })
const PaymentCaptured = payment.event('PaymentCaptured', {
  schemaVersion: 1,
  about: Payment,
  key: ({ id }) => id,
  schema: captured,
})
const PaymentNoted = payment.event('PaymentNoted', {
  schemaVersion: 1,
  about: Payment,
  key: ({ id }) => id,
  schema: z.object({ id: z.string() }),
})

let paid: Database
let sold: Database
let urls: { payment: string; enrollment: string }
let fresh: FreshDatabase[]
let payments: RunningService
let enrollment: RunningService

beforeEach(async () => {
  fresh = await Promise.all([freshDatabase(), freshDatabase()])
  urls = { payment: fresh[0]!.url, enrollment: fresh[1]!.url }
  ;[paid, sold] = await Promise.all([fresh[0]!.connect(), fresh[1]!.connect()])
  await paid.query('create table payments(id text primary key, course text, amount numeric(12, 2))')
  await sold.query('create table seats(id text primary key, course text, price numeric(12, 2))')
  payments = defineService({ contract: payment, database: paid })
  await payments.start()
  enrollment = seats()
  await enrollment.start()
})

afterEach(async () => {
  await enrollment.stop()
  await payments.stop()
  await Promise.all(fresh.map((database) => database.drop()))
})

/** It cannot bear the course "poison". */
function seats(): RunningService {
  const reader = consumer('seats', {
    from: payment,
    handlers: [
      on(PaymentCaptured, async (tx, { data }) => {
        if (data.course === 'poison') throw new Error('no poison please')
        await tx.query('insert into seats values ($1, $2, $3)', [data.id, data.course, data.amount])
      }),
      on(PaymentNoted, async () => undefined),
    ],
  })
  return defineService({
    contract: service('enrollment'),
    database: sold,
    consumers: [reader],
    sources: { payment: { database: paid, ticks: payments.ticked } },
  })
}

let count = 0
async function pay(course: string, amount: string): Promise<void> {
  count += 1
  const id = `p${count}`
  await paid.transaction(async (tx) => {
    await tx.query('insert into payments values ($1, $2, $3)', [id, course, amount])
    await publish(tx, PaymentCaptured, { id, course, amount })
  })
}

const isSold = async () => {
  const { rows } = await sold.query<{ n: number }>('select count(*)::int as n from seats')
  const { rows: all } = await paid.query<{ n: number }>(
    `select count(*)::int as n from payments where course <> 'poison'`,
  )
  return rows[0]!.n === all[0]!.n
}
const drained = () => waitFor(isSold, { within: 20_000, what: 'every seat' })

function config(deadline: Duration, isTold = true): Config {
  const plain = conserves(
    'What was captured is what seats were sold for',
    { source: 'payment', table: 'payments', key: 'course', sum: 'amount' },
    { source: 'enrollment', table: 'seats', key: 'course', sum: 'price' },
  ).within(deadline)
  const told = plain.inFlight({
    of: { PaymentCaptured: ({ course, amount }: z.infer<typeof captured>) => ({ key: course, sum: amount }) },
  })
  const sources = { payment: { url: urls.payment }, enrollment: { url: urls.enrollment } }
  return { sources, invariants: [isTold ? told : plain] }
}

/** With a minute's deadline only a proof can be a finding within the seconds that a test takes. */
async function found(deadline: Duration = seconds(60)): Promise<readonly Finding[]> {
  const report = await check(config(deadline))
  expect(report.invariants).toMatchObject([{ state: 'checked', proof: 'positions', inconclusive: 0 }])
  return report.findings
}

describe('with something in flight', () => {
  it('sums agree when what was not applied makes up the difference, to the cent', async () => {
    await pay('graphs', '10.10')
    await drained()
    await enrollment.stop()
    await pay('graphs', '0.20')
    await pay('trees', '99.99')
    await paid.transaction((tx) => publish(tx, PaymentNoted, { id: 'note' }))
    expect(await found()).toEqual([])

    await paid.query(`update payments set amount = amount + 0.01 where course = 'trees'`)
    const [wrong, ...others] = await found()
    expect(others).toEqual([])
    expect(wrong).toMatchObject({ key: 'trees', verdict: 'diverged', proof: 'positions' })
    expect(wrong?.because).toContain('99.99 of sum in 1 events')
  })

  it('a seat that was lost is found at once, although money is under way to the same course', async () => {
    for (let i = 0; i < 5; i += 1) await pay('graphs', '10')
    await drained()
    await enrollment.stop()
    await pay('graphs', '10')
    await sold.query('delete from seats where id = (select min(id) from seats)')
    expect(await found()).toMatchObject([{ key: 'graphs', verdict: 'diverged' }])
  })

  it('what has been under way for longer than the deadline is a finding of its own', async () => {
    await pay('graphs', '10')
    await drained()
    await enrollment.stop()
    await pay('graphs', '10')
    await waitFor(async () => (await found(milliseconds(1))).length > 0, { within: 10_000, what: 'the deadline' })
    expect(await found(milliseconds(1))).toMatchObject([{ key: 'graphs', verdict: 'lagging' }])
  })

  it('what waits with a stream that was set aside is under way as well', async () => {
    await pay('poison', '7')
    await pay('graphs', '10')
    const isSetAside = async () => (await parkedStreams(sold)).length === 1
    await waitFor(isSetAside, { within: 20_000, what: 'the poison to be set aside' })
    await drained()
    expect(await found()).toEqual([])
    await sold.query(`insert into seats values ('made-up', 'poison', 7)`)
    expect(await found()).toMatchObject([{ key: 'poison', verdict: 'diverged' }])
  })

  it('nothing is invented while money moves all the time, and nothing that is wrong is missed', async () => {
    let isOver = false
    const paying = (async () => {
      while (!isOver) await Promise.all(['a', 'b', 'c', 'd'].map((course) => pay(course, '0.01')))
    })()
    try {
      await waitFor(async () => count > 50, { within: 20_000, what: 'some payments' })
      for (let i = 0; i < 15; i += 1) expect(await found()).toEqual([])
      await sold.query(`insert into seats values ('rogue', 'b', 0.01)`)
      for (let i = 0; i < 5; i += 1) expect((await found()).map(({ key }) => key)).toEqual(['b'])
    } finally {
      isOver = true
      await paying
    }
  })

  it('an amount that is none is named, and no finding', async () => {
    await pay('graphs', '10')
    await drained()
    await enrollment.stop()
    await pay('graphs', '10')
    const { sources, invariants } = config(seconds(60))
    const wrong = invariants[0]!.inFlight({ of: { PaymentCaptured: () => ({ key: 'graphs', sum: 'ten' }) } })
    const report = await check({ sources, invariants: [wrong] })
    expect(report.findings).toEqual([])
    expect(report.invariants).toMatchObject([
      { state: 'incomplete', why: expect.stringContaining('no number for the sum of PaymentCaptured') },
    ])
  })

  it('where the log may not be read, two reads decide', async () => {
    await enrollment.stop()
    await pay('graphs', '10')
    await paid.query('alter table selvedge.epoch rename to hidden')
    const { invariants, findings } = await check(config(milliseconds(50)))
    expect(invariants).toMatchObject([{ proof: 'double-read' }])
    expect(findings).toMatchObject([{ key: 'graphs', verdict: 'diverged' }])
    await paid.query('alter table selvedge.hidden rename to epoch')
  })
})
