/** Transactions that Selvedge opens: how many flights they cost, and what is known when one of them fails. */
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { startTcpProxy, type TcpProxy } from '../../test/support/tcp-proxy.ts'
import { service } from '../contract/contract.ts'
import { logMigrations } from '../log/migrations.ts'
import { publish, publishWith } from '../outbox/outbox.ts'
import type { Database, Transaction } from './database.ts'
import { migrate } from './migrate.ts'
import { openDatabase } from './postgres.ts'

const shop = service('shop')
const OrderPlaced = shop.event('OrderPlaced', {
  schemaVersion: 1,
  about: shop.entity('Order', { key: 'id', schema: z.object({ id: z.string() }) }),
  schema: z.object({ orderId: z.string() }),
})
const insert = 'insert into orders(id) values ($1)'

let proxy: TcpProxy
let endTheirs: () => Promise<void>
let db: Database
let ours: Database
/** Over a pool that the user already has: one statement at a time, no pipeline. */
let theirs: Database
/** The same database past the proxy, to look with. */
let direct: Database

beforeAll(async () => {
  const database = await freshDatabase()
  proxy = await startTcpProxy(database.url)
  direct = await database.connect({ max: 2 })
  ours = openDatabase(proxy.url(), { max: 1 })
  const pool = new pg.Pool({ connectionString: proxy.url(), max: 1 })
  pool.on('error', () => undefined)
  endTheirs = () => pool.end()
  theirs = openDatabase(pool)
  db = ours
  await migrate(direct, [logMigrations])
  await direct.query('create table orders(id text primary key)')
})
afterAll(async () => {
  await ours.close()
  await endTheirs()
  await proxy.close()
})
beforeEach(async () => {
  await direct.query('truncate orders, selvedge.log, selvedge.head')
  // The pool has its one connection, and the server the plans of publishing.
  await db.transaction((tx) => publish(tx, OrderPlaced, { orderId: 'warm' })).catch(() => undefined)
  await direct.query('truncate selvedge.log, selvedge.head')
  proxy.flights()
  proxy.said()
})

const place = (tx: Transaction, orderId: string) => publish(tx, OrderPlaced, { orderId })
const written = async () => {
  const { rows } = await direct.query<{ orders: string[]; events: string[] }>(
    `select array(select id from orders order by id) as orders, array(select stream || '@' || version from selvedge.log order by seq) as events`,
  )
  return rows[0]
}
const nothing = { orders: [], events: [] }

describe('flights', () => {
  test('a write and its event cost two: BEGIN travels with the write, the event with COMMIT', async () => {
    await db.transaction(async (tx) => {
      await tx.query(insert, ['1'])
      await place(tx, '1')
    })

    expect(proxy.flights()).toBe(2)
    expect(await written()).toEqual({ orders: ['1'], events: ['Order/1@1'] })
  })

  test('a write that nobody reads and its event cost one', async () => {
    await db.transaction(async (tx) => {
      tx.send(insert, ['1'])
      await place(tx, '1')
      await place(tx, '2')
    })

    expect(proxy.flights()).toBe(1)
    expect(await written()).toEqual({ orders: ['1'], events: ['Order/1@1', 'Order/2@1'] })
  })

  test('an event alone, and a write with its event in one statement, cost one and no BEGIN', async () => {
    await db.transaction((tx) => place(tx, '1'))
    await publishWith(db, { text: insert, values: ['2'] }, OrderPlaced, { orderId: '2' })

    expect(proxy.flights()).toBe(2)
    expect(proxy.said()).not.toContain('begin')
    expect(await written()).toEqual({ orders: ['2'], events: ['Order/1@1', 'Order/2@1'] })
  })

  test('work that asks nothing of the database costs none', async () => {
    expect(await db.transaction(async () => 42)).toBe(42)
    await expect(
      db.transaction(async (tx) => {
        await place(tx, '1')
        throw new Error('changed my mind')
      }),
    ).rejects.toThrow('changed my mind')

    expect(proxy.flights()).toBe(0)
  })

  test('statements sent without waiting travel with the next one', async () => {
    await db.transaction(async (tx) => {
      tx.send(insert, ['1'])
      tx.send(insert, ['2'])
      expect((await tx.query('select from orders')).rowCount).toBe(2)
    })

    expect(proxy.flights()).toBe(2)
  })
})

describe.each(['our pool', 'a pool of the user'])('savepoints over %s', (kind) => {
  beforeAll(() => {
    db = kind === 'our pool' ? ours : theirs
  })

  const giveUp = new Error('given up')
  const failing = async (tx: Transaction, work: () => Promise<unknown>) => {
    await expect(
      tx.savepoint(async () => {
        await work()
        throw giveUp
      }),
    ).rejects.toBe(giveUp)
  }

  test('an inner one that is rolled back takes its rows and events along, the outer keeps its own', async () => {
    await db.transaction(async (tx) => {
      await tx.savepoint(async () => {
        tx.send(insert, ['1'])
        await place(tx, '1')
        await failing(tx, async () => {
          await tx.query(insert, ['2'])
          await place(tx, '1')
          await place(tx, '2')
        })
        await place(tx, '1')
      })
    })

    expect(await written()).toEqual({ orders: ['1'], events: ['Order/1@1', 'Order/1@2'] })
  })

  test('one whose statements never left costs no flight when it is rolled back', async () => {
    await db.transaction(async (tx) => {
      tx.send(insert, ['1'])
      await failing(tx, async () => {
        tx.send(insert, ['2'])
        await place(tx, '2')
      })
      await place(tx, '1')
    })

    expect(proxy.flights()).toBe(kind === 'our pool' ? 1 : 4)
    expect(await written()).toEqual({ orders: ['1'], events: ['Order/1@1'] })
  })

  test('a failing statement inside one leaves the transaction usable', async () => {
    await db.transaction(async (tx) => {
      await tx.query(insert, ['1'])
      await expect(
        tx.savepoint(async () => {
          await place(tx, 'never')
          await tx.query(insert, ['1'])
        }),
      ).rejects.toMatchObject({ code: '23505' })
      // A statement that nobody waited for fails its savepoint too.
      await expect(
        tx.savepoint(async () => {
          tx.send(insert, ['1'])
        }),
      ).rejects.toMatchObject({ code: '23505' })
      await place(tx, '1')
    })

    expect(await written()).toEqual({ orders: ['1'], events: ['Order/1@1'] })
  })

  test('one that is kept and then left by an error outside it is undone with the whole', async () => {
    const work = db.transaction(async (tx) => {
      await tx.savepoint(async () => {
        await tx.query(insert, ['1'])
        await place(tx, '1')
      })
      throw giveUp
    })

    await expect(work).rejects.toBe(giveUp)
    expect(await written()).toEqual(nothing)
  })
})

describe.each(['our pool', 'a pool of the user'])('failures over %s', (kind) => {
  beforeAll(() => {
    db = kind === 'our pool' ? ours : theirs
  })

  test('a COMMIT answered with ROLLBACK rejects, whether or not events travelled with it', async () => {
    const swallowing = (events: number) =>
      db.transaction(async (tx) => {
        await tx.query(insert, ['1'])
        await tx.query(insert, ['1']).catch(() => undefined)
        for (let n = 0; n < events; n++) await place(tx, '1')
      })

    await expect(swallowing(0)).rejects.toMatchObject({ code: 'store/rolled-back', kind: 'transient' })
    await expect(swallowing(1)).rejects.toMatchObject({ code: 'store/rolled-back' })
    await expect(swallowing(2)).rejects.toMatchObject({ code: 'store/rolled-back' })
    expect(await written()).toEqual(nothing)
  })

  test('a statement that nobody waited for rejects the transaction with its own error', async () => {
    const work = db.transaction(async (tx) => {
      tx.send(insert, ['1'])
      tx.send(insert, ['1'])
      await place(tx, '1')
    })

    await expect(work).rejects.toMatchObject({ code: '23505' })
    expect(await written()).toEqual(nothing)
  })

  test('a conflict in the flight of COMMIT keeps neither row nor event', async () => {
    await db.transaction((tx) => place(tx, '1'))
    const work = db.transaction(async (tx) => {
      tx.send(insert, ['1'])
      await publish(tx, OrderPlaced, { orderId: '1' }, { expectedVersion: 0 })
    })

    await expect(work).rejects.toMatchObject({ code: 'outbox/version-conflict', kind: 'refused' })
    expect(await written()).toEqual({ orders: [], events: ['Order/1@1'] })
  })

  test('a connection lost before COMMIT arrived, or before its answer did, leaves the outcome unknown', async () => {
    const write = (id: string) =>
      db.transaction(async (tx) => {
        await tx.query(insert, [id])
        await place(tx, id)
      })

    proxy.cutAt('commit', 'before')
    await expect(write('lost')).rejects.toMatchObject({ code: 'store/commit-unknown', kind: 'transient' })
    proxy.cutAt('commit', 'after')
    await expect(write('kept')).rejects.toMatchObject({ code: 'store/commit-unknown' })

    expect(await written()).toEqual({ orders: ['kept'], events: ['Order/kept@1'] })
    await write('next')
    expect(await written()).toEqual({ orders: ['kept', 'next'], events: ['Order/kept@1', 'Order/next@1'] })
  })

  test('a connection lost before COMMIT was sent keeps nothing, and says that the server is away', async () => {
    const work = db.transaction(async (tx) => {
      await tx.query(insert, ['1'])
      proxy.cut()
      await tx.query(insert, ['2'])
    })

    await expect(work).rejects.toMatchObject({ code: 'store/unreachable', kind: 'transient' })
    expect(await written()).toEqual(nothing)
  })

  test('a full disk fails the event and its rows together', async () => {
    await direct.query(`create function disk_full() returns trigger language plpgsql as
      $$ begin raise exception 'could not extend file "base/1/2": No space left on device' using errcode = '53100'; end $$;
      create trigger disk_full before insert on selvedge.head for each row execute function disk_full()`)
    try {
      const work = db.transaction(async (tx) => {
        await tx.query(insert, ['1'])
        await place(tx, '1')
      })

      await expect(work).rejects.toMatchObject({ code: 'store/disk-full', kind: 'transient' })
      expect(await written()).toEqual(nothing)
    } finally {
      await direct.query('drop trigger disk_full on selvedge.head; drop function disk_full')
    }
  })

  test.each([
    'commit',
    'ROLLBACK',
    'begin',
    '; end',
    'savepoint mine',
    '-- done\n commit',
    '/* done */ commit;',
    'start transaction read only',
    "prepare transaction 'x'",
  ])('%j is refused inside a transaction of ours, and nothing is kept', async (control) => {
    const work = db.transaction(async (tx) => {
      await tx.query(insert, ['1'])
      await place(tx, '1')
      await tx.query(control)
    })

    await expect(work).rejects.toMatchObject({ code: 'store/transaction-control', kind: 'defect' })
    expect(await written()).toEqual(nothing)
  })

  test('statements that only look like transaction control are let through', async () => {
    await db.transaction(async (tx) => {
      await tx.query('create table commit_log(release text)')
      await tx.query("insert into commit_log values ('commit')")
      await tx.query('-- commit is for Selvedge to say\n select 1')
      await tx.query('drop table commit_log')
    })
  })

  test('a transaction that has ended takes nothing more', async () => {
    let left: Transaction | undefined
    await db.transaction(async (tx) => {
      left = tx
      await tx.query('select 1')
    })
    const tx = left as Transaction

    expect(() => tx.send('select 1')).toThrow('already ended')
    await expect(tx.query('select 1')).rejects.toThrow('already ended')
    await expect(place(tx, '1')).rejects.toThrow('already ended')
    await expect(tx.savepoint(async () => undefined)).rejects.toThrow('already ended')
    expect(await written()).toEqual(nothing)
  })

  test('what follows a commit runs after it, never after a rollback, and cannot undo it by throwing', async () => {
    const ran: string[] = []
    const warned = new Promise((resolve) => process.once('warning', resolve))
    await db.transaction(async (tx) => {
      tx.afterCommit(() => {
        throw new Error('too late')
      })
      tx.afterCommit(() => ran.push('after'))
      await tx.query(insert, ['1'])
      ran.push('before')
    })
    const undone = db.transaction(async (tx) => {
      tx.afterCommit(() => ran.push('never'))
      await tx.query(insert, ['1'])
    })

    await expect(undone).rejects.toMatchObject({ code: '23505' })
    expect(ran).toEqual(['before', 'after'])
    expect(await warned).toMatchObject({ message: 'too late' })
    expect(await written()).toEqual({ orders: ['1'], events: [] })
  })

  test('a transaction that only reads refuses to write', async () => {
    const work = db.transaction((tx) => tx.query(insert, ['1']), { readOnly: true, isolation: 'repeatable read' })

    await expect(work).rejects.toMatchObject({ code: '25006' })
  })

  test('a transaction that only reads refuses a write that travels alone with its end', async () => {
    const work = db.transaction(async (tx) => tx.send(insert, ['1']), { readOnly: true })

    await expect(work).rejects.toMatchObject({ code: '25006' })
    expect(await written()).toEqual(nothing)
  })

  test('a transaction that stops between statements loses its session, and its rows', async () => {
    const work = db.transaction(
      async (tx) => {
        await tx.query(insert, ['1'])
        await direct.query('select pg_sleep(0.2)')
        await place(tx, '1')
      },
      { idleTimeoutMs: 50 },
    )

    await expect(work).rejects.toMatchObject({ kind: 'transient' })
    expect(await written()).toEqual(nothing)
  })
})
