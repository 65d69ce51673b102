/**
 * Writers made to race: hot streams, transactions that take their transaction id early and publish late, some rolled back whole,
 * some with a savepoint rolled back; owned transactions beside borrowed ones.
 */
import type { Random } from '../../src/base/random.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Scheduler } from '../../src/base/scheduler.ts'
import { publish } from '../../src/outbox/outbox.ts'
import type { Database, Transaction } from '../../src/store/database.ts'
import { ItemMoved } from './shop.ts'

/** How hard they race. */
export interface Load {
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

/** Races until the time is over; every transaction either committed or was rolled back on purpose. */
export async function race(db: Database, scheduler: Scheduler, load: Load): Promise<Done> {
  const done: Done = { committed: 0, rolledBack: 0, published: 0 }
  const until = performance.now() + load.forMs
  const random = seededRandom(load.seed)
  await Promise.all(
    Array.from({ length: load.producers }, async (_, i) => {
      const own = random.fork(`producer ${i}`)
      while (performance.now() < until) await oneTransaction(db, scheduler, load, own, done)
    }),
  )
  return done
}

class OnPurpose extends Error {}

async function oneTransaction(
  db: Database,
  scheduler: Scheduler,
  load: Load,
  random: Random,
  done: Done,
): Promise<void> {
  // Sorted, as a careful application would: the writers are to race, not to deadlock.
  const items = [...new Set(Array.from({ length: 1 + random.int(3) }, () => random.pick(load.items)))].sort()
  try {
    await db.transaction(async (tx) => {
      if (random.next() < earlyShare) {
        await tx.query('insert into noise default values')
        await scheduler.sleep(random.int(load.lateMsMax))
      }
      for (const item of items) await move(tx, item, random.next() < 0.5)
      if (random.next() < savepointShare) await moveInVain(tx, items.at(-1) as string)
      if (random.next() < rollbackShare) throw new OnPurpose()
    })
    done.committed += 1
    done.published += items.length
  } catch (error) {
    if (!(error instanceof OnPurpose)) throw error
    done.rolledBack += 1
  }
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
