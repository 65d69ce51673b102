/** The same claims for every library whose transaction can be borrowed, each run with the real library. */
import { sql as drizzleSql } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { CamelCasePlugin, Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { DataSource, type EntityManager } from 'typeorm'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../../test/support/database.ts'
import { service } from '../../contract/contract.ts'
import { logMigrations } from '../../log/migrations.ts'
import { publish } from '../../outbox/outbox.ts'
import type { Database, Transaction } from '../database.ts'
import { migrate } from '../migrate.ts'
import type { BorrowOptions } from './borrowed-transaction.ts'
import { fromDrizzle } from './drizzle.ts'
import { fromKysely } from './kysely.ts'
import { fromPg } from './pg.ts'
import { fromTypeorm } from './typeorm.ts'

const shop = service('shop')
const Order = shop.entity('Order', { key: 'id', schema: z.object({ id: z.string() }) })
const OrderPlaced = shop.event('OrderPlaced', {
  schemaVersion: 1,
  about: Order,
  schema: z.object({ orderId: z.string(), note: z.string().nullable(), tags: z.array(z.string()) }),
})
const placed = (orderId: string, note: string | null = null, tags: string[] = []) => ({ orderId, note, tags })

/** What a test sees of one library: its own way of writing a row, and the transaction lent to us. */
interface Inside {
  readonly tx: Transaction
  write(id: string): Promise<unknown>
  /** The library's own savepoint: rolled back when `work` throws, which is thrown on. */
  savepoint(work: (inner: Inside) => Promise<void>): Promise<void>
}
interface Library {
  transaction(work: (inside: Inside) => Promise<void>, options?: BorrowOptions): Promise<void>
  /** A connection that nobody began a transaction on. */
  outside(): Transaction
  close(): Promise<void>
}

const insert = 'insert into orders(id) values '

function withPg(url: string): Library {
  const pool = new pg.Pool({ connectionString: url })
  const inside = (client: pg.PoolClient, options?: BorrowOptions): Inside => ({
    tx: fromPg(client, options),
    write: (id) => client.query(`${insert}($1)`, [id]),
    savepoint: async (work) => {
      await client.query('savepoint mine')
      try {
        await work(inside(client, options))
        await client.query('release savepoint mine')
      } catch (error) {
        await client.query('rollback to savepoint mine')
        throw error
      }
    },
  })
  return {
    transaction: async (work, options) => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await work(inside(client, options))
        await client.query('commit')
      } catch (error) {
        await client.query('rollback')
        throw error
      } finally {
        client.release()
      }
    },
    outside: () => fromPg(pool),
    close: () => pool.end(),
  }
}

/** A driver without `getTransactionStatus`, as `pg` was before it kept the status: the server is asked. */
function withOldPg(url: string): Library {
  const library = withPg(url)
  const pool = new pg.Pool({ connectionString: url })
  const old = (client: pg.PoolClient) => ({ query: (config: pg.QueryConfig) => client.query(config) })
  return {
    ...library,
    transaction: async (work, options) => {
      const client = await pool.connect()
      const savepoint: Inside['savepoint'] = async (inner) => {
        await client.query('savepoint mine')
        await inner(inside).catch(async (error) => {
          await client.query('rollback to savepoint mine')
          throw error
        })
      }
      const tx = fromPg(old(client) as never, options)
      const inside: Inside = { tx, write: (id) => client.query(`${insert}($1)`, [id]), savepoint }
      await client.query('begin')
      const failed = await work(inside).catch((error) => ({ error }))
      await client.query(failed ? 'rollback' : 'commit')
      client.release()
      if (failed) throw failed.error
    },
    close: async () => {
      await pool.end()
      await library.close()
    },
  }
}

function withKysely(url: string): Library {
  const plugins = [new CamelCasePlugin()]
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }),
    plugins,
  })
  return {
    // A controlled transaction is the one of Kysely's forms that has savepoints.
    transaction: async (work, options) => {
      const trx = await db.startTransaction().execute()
      const inside: Inside = {
        tx: fromKysely(trx, options),
        write: (id) => sql`insert into orders(id) values (${id})`.execute(trx),
        savepoint: async (inner) => {
          const at = await trx.savepoint('mine').execute()
          try {
            await inner({ ...inside, tx: fromKysely(at, options) })
          } catch (error) {
            await at.rollbackToSavepoint('mine').execute()
            throw error
          }
        },
      }
      try {
        await work(inside)
        await trx.commit().execute()
      } catch (error) {
        await trx.rollback().execute()
        throw error
      }
    },
    outside: () => fromKysely(db),
    close: () => db.destroy(),
  }
}

function withDrizzle(url: string): Library {
  const pool = new pg.Pool({ connectionString: url })
  const db = drizzle(pool)
  type Drizzle = Pick<NodePgDatabase, 'execute' | 'transaction'>
  const inside = (tx: Drizzle, options?: BorrowOptions): Inside => ({
    tx: fromDrizzle(tx, options),
    write: (id) => Promise.resolve(tx.execute(drizzleSql`insert into orders(id) values (${id})`)),
    savepoint: (work) => tx.transaction((nested) => work(inside(nested, options))),
  })
  return {
    transaction: (work, options) => db.transaction((tx) => work(inside(tx, options))),
    outside: () => fromDrizzle(db),
    close: () => pool.end(),
  }
}

async function withTypeorm(url: string): Promise<Library> {
  const source = await new DataSource({ type: 'postgres', url }).initialize()
  const inside = (manager: EntityManager, options?: BorrowOptions): Inside => ({
    tx: fromTypeorm(manager, options),
    write: (id) => manager.query(`${insert}($1)`, [id]),
    savepoint: (work) => manager.transaction((nested) => work(inside(nested, options))),
  })
  return {
    transaction: (work, options) => source.transaction((manager) => work(inside(manager, options))),
    outside: () => fromTypeorm(source.manager),
    close: () => source.destroy(),
  }
}

/** A query runner lent instead of a manager, with a transaction begun by hand, of which TypeORM itself does not know. */
async function withTypeormRunner(url: string): Promise<Library> {
  const library = await withTypeorm(url)
  const source = await new DataSource({ type: 'postgres', url }).initialize()
  const spare = source.createQueryRunner()
  return {
    transaction: async (work, options) => {
      const runner = source.createQueryRunner()
      const inside: Inside = {
        tx: fromTypeorm(runner, options),
        write: (id) => runner.query(`${insert}($1)`, [id]),
        savepoint: async (inner) => {
          await runner.query('savepoint mine')
          await inner(inside).catch(async (error) => {
            await runner.query('rollback to savepoint mine')
            throw error
          })
        },
      }
      await runner.query('begin')
      const failed = await work(inside).catch((error) => ({ error }))
      await runner.query(failed ? 'rollback' : 'commit')
      await runner.release()
      if (failed) throw failed.error
    },
    outside: () => fromTypeorm(spare),
    close: async () => {
      await spare.release()
      await source.destroy()
      await library.close()
    },
  }
}

const libraries: readonly (readonly [string, (url: string) => Library | Promise<Library>])[] = [
  ['pg', withPg],
  ['pg without a transaction status', withOldPg],
  ['Kysely', withKysely],
  ['Drizzle', withDrizzle],
  ['TypeORM', withTypeorm],
  ['a TypeORM query runner', withTypeormRunner],
]

describe.each(libraries)('a transaction borrowed from %s', (_, open) => {
  let db: Database
  let library: Library

  beforeAll(async () => {
    const database = await freshDatabase()
    db = await database.connect()
    await migrate(db, [logMigrations])
    await db.query('create table orders(id text primary key)')
    library = await open(database.url)
  })
  beforeEach(async () => {
    await db.query('truncate orders, selvedge.log, selvedge.head')
  })
  afterAll(() => library.close())

  const written = async () => {
    const orders = await db.query<{ id: string }>('select id from orders order by id')
    const events = await db.query<{ stream: string; version: string }>(
      'select stream, version from selvedge.log order by seq',
    )
    return {
      orders: orders.rows.map((row) => row.id),
      events: events.rows.map((row) => `${row.stream}@${row.version}`),
    }
  }
  const giveUp = new Error('given up')

  test('commits its events with its rows', async () => {
    await library.transaction(async ({ tx, write }) => {
      await write('1')
      await publish(tx, OrderPlaced, placed('1'))
      await publish(tx, OrderPlaced, placed('1'))
    })

    expect(await written()).toEqual({ orders: ['1'], events: ['Order/1@1', 'Order/1@2'] })
  })

  test('rolls its events back with its rows', async () => {
    const work = library.transaction(async ({ tx, write }) => {
      await write('1')
      await publish(tx, OrderPlaced, placed('1'))
      throw giveUp
    })

    await expect(work).rejects.toBe(giveUp)
    expect(await written()).toEqual({ orders: [], events: [] })
  })

  test('loses the events of a savepoint that is rolled back, and no others', async () => {
    await library.transaction(async ({ tx, write, savepoint }) => {
      await write('1')
      await publish(tx, OrderPlaced, placed('1'))
      const inner = savepoint(async (at) => {
        await at.write('2')
        await publish(at.tx, OrderPlaced, placed('1'))
        await publish(at.tx, OrderPlaced, placed('2'))
        throw giveUp
      })
      await expect(inner).rejects.toBe(giveUp)
      await publish(tx, OrderPlaced, placed('1'))
    })

    expect(await written()).toEqual({ orders: ['1'], events: ['Order/1@1', 'Order/1@2'] })
  })

  test('undoes rows and events of our own savepoint together', async () => {
    await library.transaction(async ({ tx, write }) => {
      const inner = tx.savepoint(async () => {
        await write('2')
        await publish(tx, OrderPlaced, placed('2'))
        throw giveUp
      })
      await expect(inner).rejects.toBe(giveUp)
      await tx.savepoint(() => publish(tx, OrderPlaced, placed('3')))
    })

    expect(await written()).toEqual({ orders: [], events: ['Order/3@1'] })
  })

  test('is refused outside a transaction, with nothing written', async () => {
    await expect(publish(library.outside(), OrderPlaced, placed('1'))).rejects.toMatchObject({
      kind: 'refused',
      code: 'outbox/no-transaction',
    })
    expect(await written()).toEqual({ orders: [], events: [] })
  })

  test('is refused after its transaction has ended, with nothing written', async () => {
    let left: Transaction | undefined
    await library.transaction(async ({ tx }) => {
      left = tx
    })

    await expect(publish(left!, OrderPlaced, placed('1'))).rejects.toThrow()
    expect(await written()).toEqual({ orders: [], events: [] })
  })

  test('keeps nothing when the stream is not at the expected version', async () => {
    await library.transaction(({ tx }) => publish(tx, OrderPlaced, placed('1'), { expectedVersion: 0 }))

    const second = library.transaction(async ({ tx, write }) => {
      await write('1')
      await publish(tx, OrderPlaced, placed('1'), { expectedVersion: 0 })
    })

    await expect(second).rejects.toMatchObject({ kind: 'refused', code: 'outbox/version-conflict' })
    expect(await written()).toEqual({ orders: [], events: ['Order/1@1'] })
  })

  test('carries fifty events', async () => {
    await library.transaction(async ({ tx }) => {
      for (let n = 0; n < 50; n++) await publish(tx, OrderPlaced, placed(String(n % 5)))
    })

    const { events } = await written()
    expect(events).toHaveLength(50)
    expect(events.slice(-5)).toEqual(['Order/0@10', 'Order/1@10', 'Order/2@10', 'Order/3@10', 'Order/4@10'])
  })

  test('passes data, nulls, arrays and JSON text on unchanged', async () => {
    const hostile = `O'Brien "said" \\ {"a":1} $1 ${'\u2028'}`
    const json = '{"b":1.0,  "a":[null,"x"]}'
    await library.transaction(async ({ tx }) => {
      await publish(tx, OrderPlaced, placed('1', hostile, ['a,b', '']), { headers: { 'x-note': hostile } })
      const { rows } = await tx.query<Record<string, unknown>>(
        'select $1::text[] as texts, $2::int[] as numbers, $3::text is null as missing, $4::json::text as json, $5::boolean as yes, $6::bigint as big',
        [['a', null, 'b"c,{}'], [1, null], null, json, true, '9007199254740993'],
      )
      expect(rows).toEqual([
        {
          texts: ['a', null, 'b"c,{}'],
          numbers: [1, null],
          missing: true,
          json,
          yes: true,
          big: '9007199254740993',
        },
      ])
    })

    const { rows } = await db.query('select data, headers, traceparent, subject from selvedge.log')
    expect(rows).toEqual([
      { data: placed('1', hostile, ['a,b', '']), headers: { 'x-note': hostile }, traceparent: null, subject: null },
    ])
  })

  test('gives rows with the columns that were asked for', async () => {
    await library.transaction(async ({ tx, write }) => {
      await write('1')
      const found = await tx.query('select id as order_id from orders where id = $1', ['1'])
      expect({ rows: found.rows, rowCount: found.rowCount }).toEqual({ rows: [{ order_id: '1' }], rowCount: 1 })
      expect((await tx.query('update orders set id = id')).rowCount).toBe(1)
    })
  })

  test('writes to the schema that it is told', async () => {
    const other = await library
      .transaction(({ tx }) => publish(tx, OrderPlaced, placed('1')), { schema: 'no "such' })
      .catch((error) => error)

    expect(other).toMatchObject({ code: '42P01' })
    expect(await written()).toEqual({ orders: [], events: [] })
  })
})
