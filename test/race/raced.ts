/** One race from start to verdict, for the short and the long form. */
import { systemScheduler } from '../../src/base/scheduler.ts'
import type { Database } from '../../src/store/database.ts'
import { freshDatabase } from '../support/database.ts'
import { waitFor } from '../support/wait-for.ts'
import { race } from './producers.ts'
import {
  countingConsumer,
  itemNames,
  makeTables,
  type Owner,
  type ReaderOptions,
  startOwner,
  startReader,
  verdict,
} from './shop.ts'
import { xminReader } from './xmin-reader.ts'

/** An owner and the database of a reader. */
export interface World {
  readonly url: string
  readonly db: Database
  readonly own: Database
  readonly owner: Owner
  readonly items: readonly string[]
}

/** Makes tables and log, and lets the owner tick. */
export async function makeWorld(items: number): Promise<World> {
  const fresh = await freshDatabase()
  const db = await fresh.connect({ max: 28 })
  const own = await fresh.connect({ schema: 'reader', max: 6 })
  const owner = await startOwner(db)
  const names = itemNames(items)
  await makeTables(db, names)
  return { url: fresh.url, db, own, owner, items: names }
}

/** Whether the copy has counted as many events as the log holds, but for those that were skipped. */
export const applied = async (db: Database, skipped = 0): Promise<boolean> => {
  const { rows } = await db.query<{ all: boolean }>(
    'select (select count(*) from selvedge.log) = (select coalesce(sum(n), 0) + $1 from copy) as all',
    [skipped],
  )
  return rows[0]?.all === true
}

/** One race with `readers` sharing the consumer; a popular reader looks on. */
export async function raced(options: {
  readonly seed: number
  readonly forMs: number
  readonly readers: readonly ReaderOptions[]
}) {
  const { url, db, own, owner, items } = await makeWorld(40)
  const scheduler = systemScheduler()
  const popular = xminReader(db, scheduler)
  const readers = await Promise.all(
    options.readers.map((reader) => startReader({ source: db, own }, countingConsumer(), reader)),
  )
  const load = { url, seed: options.seed, items, producers: 20, forMs: options.forMs, lateMsMax: 1_000 }
  const done = await race(db, scheduler, load)
  // What is still missing after that is for the verdict to count.
  await waitFor(() => applied(db), { within: 20_000, every: 50 }).catch(() => undefined)
  const result = { ...(await verdict(db)), published: done.published, commits: done.committed }
  const { inversions } = popular
  await popular.stop()
  await Promise.all(readers.map((reader) => reader.stop()))
  await owner.stop()
  await scheduler.stop()
  return { result, inversions, done }
}
