/**
 * Work A by hand: the smallest honest outbox. One more insert in the business transaction; one reader that takes 256 events in
 * the order (transaction id, position) below the oldest running transaction, applies them, then moves its cursor.
 *
 * No envelope, no versions, no retries; any open transaction of the server holds its events back. It is the floor, not a rival.
 * `headRow` adds what a stream's order costs anybody: a counter row that is updated in the same transaction.
 */
import pg from 'pg'
import { pause } from '../lib/measure.ts'
import {
  emitting,
  insertOrderStatement,
  type MakeSystem,
  type Order,
  orderValues,
  outboxWork,
  producers,
  type Setting,
} from './work.ts'

type Form = 'four-trips' | 'pipelined' | 'statement' | 'head-row'

const outboxTable = `create table outbox(pos bigserial, tx xid8 not null default pg_current_xact_id(), type text not null,
  key text not null, version bigint, payload jsonb not null, primary key (tx, pos))`
const emit = {
  name: 'emit',
  text: `insert into outbox(type, key, payload) values ('order.placed', $1, $2)`,
}
const takeNumber = {
  name: 'take number',
  text: `insert into head values ($1, 1) on conflict (key) do update set version = head.version + 1 returning version`,
}
const emitNumbered = {
  name: 'emit numbered',
  text: `insert into outbox(type, key, version, payload) values ('order.placed', $1, $2, $3)`,
}
const insertAndEmit = {
  name: 'insert and emit',
  text: `with o as (${insertOrderStatement.text}) insert into outbox(type, key, payload) values ('order.placed', $2, $5)`,
}
const readText = `select tx::text, pos, payload from outbox
  where (tx, pos) > ($1::xid8, $2::bigint) and tx < pg_snapshot_xmin(pg_current_snapshot()) order by tx, pos limit 256`
const idlePollMs = 2

const handmade =
  (form: Form): MakeSystem =>
  async (setting) => {
    await setting.pool.query(outboxTable)
    await setting.pool.query('create table head(key text primary key, version bigint not null) with (fillfactor = 70)')
    const pipelining = new pg.Pool({
      connectionString: setting.ownerUrl,
      max: producers,
      pipeline: true,
    } as pg.PoolConfig)
    const reading = await reader(setting)
    return {
      name: `handmade, ${form}`,
      produce: (order) => writers[form]({ plain: setting.pool, pipelining }, order),
      start: async () => reading.start(),
      async stop() {
        await reading.stop()
        await pipelining.end()
      },
    }
  }

interface Pools {
  readonly plain: pg.Pool
  readonly pipelining: pg.Pool
}

const writers: Record<Form, (pools: Pools, order: Order) => Promise<unknown>> = {
  'four-trips': ({ plain }, order) =>
    emitting(plain, (client) => client.query({ ...emit, values: [order.customer, order] }))(order),
  'head-row': ({ plain }, order) =>
    emitting(plain, async (client) => {
      const { rows } = await client.query<{ version: string }>({ ...takeNumber, values: ['learner-0'] })
      await client.query({ ...emitNumbered, values: ['learner-0', rows[0]!.version, order] })
    })(order),
  pipelined: ({ pipelining }, order) => inOneFlight(pipelining, order),
  statement: ({ plain }, order) => plain.query({ ...insertAndEmit, values: [...orderValues(order), order] }),
}

async function inOneFlight(pool: pg.Pool, order: Order): Promise<void> {
  const client = await pool.connect()
  try {
    await Promise.all([
      client.query('begin'),
      client.query({ ...insertOrderStatement, values: orderValues(order) }),
      client.query({ ...emit, values: [order.customer, order] }),
      client.query('commit'),
    ])
  } finally {
    client.release()
  }
}

async function reader(setting: Setting): Promise<{ start(): void; stop(): Promise<void> }> {
  const source = new pg.Client({ connectionString: setting.ownerUrl })
  const target = new pg.Client({ connectionString: setting.copyUrl })
  await source.connect()
  await target.connect()
  await target.query(
    `create table inbox_cursor(tx xid8 not null, pos bigint not null); insert into inbox_cursor values ('0', 0)`,
  )
  let running = true
  let loop: Promise<void> = Promise.resolve()
  const read = async (): Promise<void> => {
    let after: unknown[] = ['0', '0']
    while (running) {
      const { rows } = await source.query<{ tx: string; pos: string; payload: Order }>({
        name: 'next',
        text: readText,
        values: after,
      })
      const last = rows.at(-1)
      if (!last) {
        await pause(idlePollMs)
        continue
      }
      await setting.applyMany(rows.map((row) => row.payload))
      after = [last.tx, last.pos]
      await target.query({ name: 'move', text: 'update inbox_cursor set tx = $1, pos = $2', values: after })
    }
  }
  return {
    start() {
      loop = read()
    },
    async stop() {
      running = false
      await loop
      await source.end()
      await target.end()
    },
  }
}

const forms: readonly Form[] = ['four-trips', 'pipelined', 'statement', 'head-row']

export const variants = Object.fromEntries(
  forms.flatMap((form) => [
    [form, () => outboxWork(handmade(form))],
    [`${form}-snapshots`, () => outboxWork(handmade(form), 'snapshots')],
  ]),
)
