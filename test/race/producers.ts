/**
 * Writers made to race: hot streams, transactions that take their transaction id early and publish late, some rolled back whole,
 * some with a savepoint rolled back; owned transactions beside borrowed ones.
 */
import pg from 'pg'
import type { Random } from '../../src/base/random.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Scheduler } from '../../src/base/scheduler.ts'
import { publish } from '../../src/outbox/outbox.ts'
import { fromPg } from '../../src/store/borrow/pg.ts'
import type { Database, Transaction } from '../../src/store/database.ts'
import { ItemMoved } from './shop.ts'

/** How hard they race. */
export interface Load {
  /** For the writers that keep their own connections. */
  readonly url: string
  readonly seed: number
  readonly items: readonly string[]
  readonly producers: number
  readonly forMs: number
  /** Longest time between an early write and its publish. */
  readonly lateMsMax: number
}

/** What was done. */
export interface Done {
  committed: number
  rolledBack: number
  published: number
}

const earlyShare = 0.2
const rollbackShare = 0.05
const savepointShare = 0.1
/** Writers with a connection of their own publish at once and commit later: their events become visible out of sequence. */
const borrowedShare = 0.3
const heldMsMax = 60

/** A race without rollbacks shows less: on a busy machine it goes on until it had this many, or is five times as long. */
const rolledBackLeast = 11

/** Races until the time is over; every transaction either committed or was rolled back on purpose. */
export async function race(db: Database, scheduler: Scheduler, load: Load): Promise<Done> {
  const done: Done = { committed: 0, rolledBack: 0, published: 0 }
  const begunAt = performance.now()
  const isOver = () => {
    const passedMs = performance.now() - begunAt
    return passedMs >= load.forMs && (done.rolledBack >= rolledBackLeast || passedMs >= 5 * load.forMs)
  }
  const random = seededRandom(load.seed)
  const pool = new pg.Pool({ connectionString: load.url, max: 8 })
  await Promise.all(
    Array.from({ length: load.producers }, async (_, i) => {
      const own = random.fork(`producer ${i}`)
      while (!isOver()) await oneOfThem({ db, pool, scheduler, load, random: own, done })
    }),
  )
  await pool.end()
  return done
}

interface Writer {
  readonly db: Database
  readonly pool: pg.Pool
  readonly scheduler: Scheduler
  readonly load: Load
  readonly random: Random
  readonly done: Done
}

class OnPurpose extends Error {}

async function oneOfThem(writer: Writer): Promise<void> {
  const { random, load, done } = writer
  // Sorted, as a careful application would: the writers are to race, not to deadlock.
  const items = [...new Set(Array.from({ length: 1 + random.int(3) }, () => random.pick(load.items)))].sort()
  try {
    await (random.next() < borrowedShare ? borrowed(writer, items) : owned(writer, items))
    done.committed += 1
    done.published += items.length
  } catch (error) {
    if (!(error instanceof OnPurpose)) throw error
    done.rolledBack += 1
  }
}

async function owned(writer: Writer, items: readonly string[]): Promise<void> {
  const { random } = writer
  await writer.db.transaction(async (tx) => {
    await maybeEarly(writer, tx)
    for (const item of items) await move(tx, item, random.next() < 0.5)
    if (random.next() < savepointShare) await moveInVain(tx, items.at(-1) as string)
    if (random.next() < rollbackShare) throw new OnPurpose()
  })
}

async function borrowed(writer: Writer, items: readonly string[]): Promise<void> {
  const { random, scheduler } = writer
  const client = await writer.pool.connect()
  try {
    await client.query('begin')
    const tx = fromPg(client, { published: writer.db.published })
    await maybeEarly(writer, tx)
    for (const item of items) await move(tx, item, true)
    if (random.next() < savepointShare) await moveInVain(tx, items.at(-1) as string)
    await scheduler.sleep(random.int(heldMsMax))
    if (random.next() < rollbackShare) throw new OnPurpose()
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

async function maybeEarly({ random, scheduler, load }: Writer, tx: Transaction): Promise<void> {
  if (random.next() >= earlyShare) return
  await tx.query('insert into noise default values')
  await scheduler.sleep(random.int(load.lateMsMax))
}

/** The row and its event. A query now, or a statement that travels with COMMIT: both must keep row and event together. */
export async function move(tx: Transaction, item: string, atOnce: boolean): Promise<void> {
  const statement = { name: 'move', text: 'update item set n = n + 1 where name = $1', values: [item] }
  if (atOnce) await tx.query(statement)
  else tx.send(statement)
  await publish(tx, ItemMoved, { item })
}

async function moveInVain(tx: Transaction, item: string): Promise<void> {
  await tx
    .savepoint(async () => {
      await move(tx, item, true)
      throw new OnPurpose()
    })
    .catch((error) => {
      if (!(error instanceof OnPurpose)) throw error
    })
}
