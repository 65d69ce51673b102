import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { minutes } from '../base/base.ts'
import { service } from '../contract/contract.ts'
import { consumer, on } from '../inbox/inbox.ts'
import { SqlOwnerLog } from '../log/reader.ts'
import { publish } from '../outbox/outbox.ts'
import { defineService } from '../service/service.ts'
import type { Database } from '../store/database.ts'
import type { Packet } from '../transport/transport.ts'
import { type FaultKind, faultKinds } from './fault.ts'
import { drawPlan } from './plan.ts'
import { logOver } from './simulated-log.ts'
import { simulatedTransport } from './simulated-transport.ts'
import { type Action, runWorld, simulatedWorld, type Variant } from './world.ts'

const user = service('user')
const progress = service('progress')
const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string(), points: z.number() }) })
const PointsChanged = user.event('PointsChanged', {
  ...{ schemaVersion: 1, about: User, key: (data: { id: string }) => data.id },
  schema: z.object({ id: z.string(), points: z.number() }),
})

const actions: Action[] = Array.from({ length: 150 }, () => ({ service: 'user' }))
const closing: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const close of closing.reverse()) await close()
})

/** Two real services in a simulated world: one counts points, the other adds up what it hears. */
async function run(kinds: readonly FaultKind[], seed: number) {
  const plan = drawPlan({
    ...{ seed, actions: actions.length, services: ['user', 'progress'], bound: minutes(1), kinds, crashing: ['user'] },
  })
  const world = simulatedWorld<Packet>(plan)
  const transport = simulatedTransport(world.channel)
  const databases = { user: await freshDatabase(), progress: await freshDatabase() }
  const open = async (database: FreshDatabase, name: string) =>
    database.connect({ clock: world.time.clock(plan.skews[name]) })
  const [owner, copy] = [await open(databases.user, 'user'), await open(databases.progress, 'progress')]
  await owner.query('create table users(id text primary key, points int not null)')
  await copy.query('create table heard(id text primary key, points int not null, times int not null)')
  const points = consumer('points', {
    from: user,
    handlers: [
      on(PointsChanged, async (tx, { data }) => {
        await tx.query(
          `insert into heard values ($1, $2, 1) on conflict (id) do update set points = excluded.points, times = heard.times + 1`,
          [data.id, data.points],
        )
      }),
    ],
  })
  const make = {
    user: () => ({ contract: user, database: owner, relayTo: transport.source('user') }),
    progress: () => {
      const log = logOver({ network: world.network, reader: 'progress' }, new SqlOwnerLog('user', owner))
      return {
        ...{ contract: progress, database: copy, consumers: [points] },
        sources: { user: { log, channel: transport.source('user', 'progress') } },
      }
    },
  }
  type Name = keyof typeof make
  const running = new Map<string, { stop(): Promise<void>; kill(): void }>()
  const start = async (name: string) => {
    const scheduler = world.scheduler.service()
    const pause = { pollMs: 5_000, beatMs: 60_000 }
    const started = defineService({
      ...make[name as Name](),
      ...pause,
      ticker: { pollMs: 5_000, notify: false },
      scheduler,
    })
    await started.start()
    running.set(name, { stop: () => started.stop(), kill: () => scheduler.kill() })
  }
  const variant: Variant<Action, Packet> = {
    name: 'cured',
    async act(_, index) {
      const id = `learner-${index % 12}`
      await owner.transaction(async (tx) => {
        const { rows } = await tx.query<{ points: number }>(
          `insert into users values ($1, 1) on conflict (id) do update set points = users.points + 1 returning points`,
          [id],
        )
        await publish(tx, PointsChanged, { id, points: rows[0]!.points })
      })
      return 'accepted'
    },
    deliver: (to, message, from) => transport.deliver(to, message, from),
    settle: async () => void (await world.scheduler.runUntilIdle()),
    stopService: (name) => running.get(name)!.stop(),
    startService: start,
    async crash(name) {
      running.get(name)!.kill()
      // The beat of a dead process ends in real time, which stands still here.
      await (name === 'user' ? owner : copy).query('delete from selvedge.instance')
      await start(name)
    },
  }
  await start('user')
  await start('progress')
  closing.push(async () => {
    await Promise.all([...running.values()].map((service) => service.stop()))
    await Promise.all([databases.user.drop(), databases.progress.drop()])
  })
  const report = await runWorld({ world, variant, actions })
  return { report, owned: await rowsOf(owner, 'users'), heard: await rowsOf(copy, 'heard') }
}

async function rowsOf(db: Database, table: string) {
  return (await db.query<{ id: string; points: number; times?: number }>(`select * from ${table} order by id`)).rows
}

describe('real services in a simulated world', () => {
  it('agree after the drain, each change applied once, whatever failed', async () => {
    const { report, owned, heard } = await run(faultKinds, 7)
    expect(heard.map(({ id, points }) => ({ id, points }))).toEqual(owned)
    expect(heard.map(({ times }) => times)).toEqual(owned.map(({ points }) => points))
    const missed = report.faults.filter(({ planned, hit }) => planned > 0 && hit === 0).map(({ kind }) => kind)
    expect(missed).toEqual([])
    expect(report.crashes).toBeGreaterThan(0)
  })

  it('replay from a seed: the same faults are hit', async () => {
    const [once, again] = [await run(faultKinds, 11), await run(faultKinds, 11)]
    expect(again.report.faults).toEqual(once.report.faults)
    expect(again.heard).toEqual(once.heard)
  })
})
