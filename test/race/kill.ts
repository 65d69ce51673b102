/** Three processes that share a consumer while they are killed, or stopped and continued. */
import { seededRandom } from '../../src/base/random.ts'
import { inboxMigrations, type ParkedReport, parkedStreams, skip } from '../../src/inbox/inbox.ts'
import { logMigrations } from '../../src/log/log.ts'
import { publish } from '../../src/outbox/outbox.ts'
import type { Database } from '../../src/store/database.ts'
import { migrate } from '../../src/store/migrate.ts'
import { startMsMax, startProcess, type TestProcess } from '../support/process.ts'
import { waitFor } from '../support/wait-for.ts'
import { move } from './producers.ts'
import { applied, makeWorld, type World } from './raced.ts'
import { ItemMoved, type Verdict, verdict } from './shop.ts'
import type { WorkerOrder } from './worker.ts'

const workersAtOnce = 3

function startWorker(order: WorkerOrder): TestProcess {
  return startProcess(new URL('./worker.ts', import.meta.url), { arguments: [JSON.stringify(order)] })
}

/** Publishes on all items, about `perSecond` events a second, until told to stop. */
function publishing(world: World, perSecond: number): { stop(): Promise<number> } {
  let [published, isOver] = [0, false]
  const random = seededRandom('publishing')
  const task = (async () => {
    while (!isOver) {
      await world.db.transaction((tx) => move(tx, random.pick(world.items), false))
      published += 1
      await world.owner.scheduler.sleep(1_000 / perSecond)
    }
  })()
  return {
    stop: async () => {
      isOver = true
      await task
      return published
    },
  }
}

async function finish(world: World, workers: readonly TestProcess[], skipped = 0): Promise<Verdict> {
  await waitFor(() => applied(world.db, skipped), { within: 20_000, every: 50 }).catch(() => undefined)
  const result = await verdict(world.db)
  for (const worker of workers) worker.signal('SIGTERM')
  await Promise.all(workers.map((worker) => worker.ended))
  await world.owner.stop()
  return result
}

/** What came of a round of murders. */
export interface Killed {
  readonly result: Verdict
  readonly published: number
  /** How often lanes changed hands. */
  readonly handovers: number
}

/** Kills one of three at a random moment and puts another in its place, `rounds` times. */
export async function killed(options: { readonly rounds: number; readonly seed: number }): Promise<Killed> {
  const world = await makeWorld(40)
  await migrate(world.own, [logMigrations, inboxMigrations])
  const random = seededRandom(options.seed)
  const order = { url: world.url, beatMs: 150, batchEvents: 5 }
  const workers = Array.from({ length: workersAtOnce }, () => startWorker(order))
  await Promise.all(workers.map((worker) => worker.line((line) => line.startsWith('ready'))))
  const traffic = publishing(world, 250)
  for (let round = 0; round < options.rounds; round++) {
    const victim = random.int(workersAtOnce)
    await world.owner.scheduler.sleep(random.int(500))
    workers[victim]!.signal('SIGKILL')
    await workers[victim]!.ended
    workers[victim] = startWorker(order)
    await workers[victim]!.line((line) => line.startsWith('ready'))
  }
  const published = await traffic.stop()
  const handovers = await sum(world.own, 'select sum(fence) as n from reader.lane')
  return { result: await finish(world, workers), published, handovers }
}

/** What came of an event whose handler ends its process. */
export interface Deadly {
  readonly parked: readonly ParkedReport[]
  readonly deaths: number
  /** After the event was skipped by a named person; the skipped event counts as lost. */
  readonly result: Verdict
}

/** Puts a deadly event among harmless ones, and a new process in the place of each dead one until nothing but it waits. */
export async function deadly(): Promise<Deadly> {
  const world = await makeWorld(10)
  await migrate(world.own, [logMigrations, inboxMigrations])
  const publishOn = (item: string, by?: string): Promise<void> =>
    world.db.transaction(async (tx) => {
      tx.send('update item set n = n + 1 where name = $1', [item])
      await publish(tx, ItemMoved, by === undefined ? { item } : { item, by })
    })
  for (let i = 0; i < 4; i++)
    for (const item of world.items) await publishOn(item, item === 'item-3' && i === 1 ? 'die' : undefined)
  const skipped = { consumer: 'copy', stream: 'ItemMoved/item-3', version: 2, by: 'ada', reason: 'it is deadly' }
  let deaths = 0
  for (;;) {
    const worker = startWorker({ url: world.url, beatMs: 100 })
    let isDead = false
    void worker.ended.then(() => {
      isDead = true
    })
    const counted = async () => (await sum(world.own, 'select coalesce(sum(n), 0) as n from copy')) === 4 * 9 + 1
    await waitFor(async () => isDead || (await counted()), {
      within: startMsMax,
      every: 50,
      what: 'death or the others',
    })
    if (isDead && deaths++ < 10) continue
    const parked = await parkedStreams(world.own)
    await skip(world.own, skipped)
    await waitFor(async () => (await parkedStreams(world.own)).length === 0, { within: 10_000, what: 'the rest of it' })
    return { parked, deaths, result: await finish(world, [worker], 1) }
  }
}

/** What came of a stop inside a handler. */
export interface Stopped {
  readonly result: Verdict
  readonly published: number
  /** Milliseconds until others held all lanes of the stopped one. */
  readonly lostLanesMs: number
  /** Whether the stopped process had lanes again after it was continued. */
  readonly isBack: boolean
}

/**
 * Stops one of three inside its handler for `stopMs`, then continues it. One that has written has lost its session meanwhile;
 * one that was about to write goes on as if nothing had happened, and only the position can tell it.
 */
export async function stopped(options: {
  readonly stopMs: number
  readonly at: 'pause' | 'pause first'
}): Promise<Stopped> {
  const world = await makeWorld(40)
  await migrate(world.own, [logMigrations, inboxMigrations])
  const workers = Array.from({ length: workersAtOnce }, () => startWorker({ url: world.url }))
  const ids = await Promise.all(
    workers.map(async (worker) => (await worker.line((line) => line.startsWith('ready'))).slice('ready '.length)),
  )
  const shares = 'select count(distinct owner) as n from reader.lane'
  await waitFor(async () => (await sum(world.own, shares)) === workersAtOnce, { within: 10_000, what: 'shared lanes' })
  const traffic = publishing(world, 100)
  await world.db.transaction(async (tx) => {
    await tx.query("update item set n = n + 1 where name = 'item-0'")
    await publish(tx, ItemMoved, { item: 'item-0', by: options.at })
  })
  const index = await waitFor(
    () => `${workers.findIndex((worker) => worker.lines().includes('inside'))}`.match(/^\d+$/)?.[0],
    { within: 5_000, what: 'a handler' },
  ).then(Number)
  workers[index]!.signal('SIGSTOP')
  const begunAt = performance.now()
  const held = async (): Promise<number> =>
    sum(world.own, `select count(*) as n from reader.lane where owner = '${ids[index]}'`)
  await waitFor(async () => (await held()) === 0, { within: 8_000, what: 'the lanes of the stopped process' })
  const lostLanesMs = performance.now() - begunAt
  await waitFor(() => performance.now() - begunAt >= options.stopMs, { within: options.stopMs + 1_000, every: 50 })
  workers[index]!.signal('SIGCONT')
  const isBack = await waitFor(async () => (await held()) > 0, { within: 8_000 }).catch(() => false)
  const published = (await traffic.stop()) + 1
  return { result: await finish(world, workers), published, lostLanesMs, isBack }
}

async function sum(db: Database, text: string): Promise<number> {
  const { rows } = await db.query<{ n: string }>(text)
  return Number(rows[0]?.n)
}
