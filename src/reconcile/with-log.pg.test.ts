/** Repairs where the owner has a log: streams that wait, states that are said again, and losses that heal without a person. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { seconds } from '../base/base.ts'
import { check } from '../check/check.ts'
import { service } from '../contract/contract.ts'
import { consumer, on, parkedStreams } from '../inbox/inbox.ts'
import { type Config, defineConfig, type Repair, replicaOf } from '../invariant/invariant.ts'
import { publish } from '../outbox/outbox.ts'
import { defineService, type RunningService } from '../service/service.ts'
import type { Database, Transaction } from '../store/database.ts'
import { apply, approve, plan, reconcileAutomatically } from './reconcile.ts'

const user = service('user')
const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string(), name: z.string() }) })
const UserNamed = user.event('UserNamed', {
  ...{ schemaVersion: 1, about: User },
  schema: z.object({ userId: z.string(), name: z.string() }),
})

let fresh: readonly [FreshDatabase, FreshDatabase]
let owner: Database
let copy: Database
let folder: string
let services: RunningService[]
let isPoisoned: boolean

beforeEach(async () => {
  fresh = await Promise.all([freshDatabase(), freshDatabase()])
  ;[owner, copy] = await Promise.all([fresh[0].connect(), fresh[1].connect()])
  folder = mkdtempSync(join(tmpdir(), 'selvedge-reconcile-'))
  isPoisoned = false
  await owner.query('create table users(id text primary key, name text)')
  await copy.query('create table learners(id text primary key, name text)')
  const users = defineService({ contract: user, database: owner })
  const learners = consumer('learners', {
    from: user,
    handlers: [
      on(UserNamed, async (tx, { data }) => {
        if (isPoisoned && data.name === 'Poison') throw new Error('no poison please')
        await tx.query('insert into learners values ($1, $2) on conflict (id) do update set name = $2', [
          data.userId,
          data.name,
        ])
      }),
    ],
  })
  const sources = { user: { database: owner, ticks: users.ticked } }
  const progress = defineService({ contract: service('progress'), database: copy, consumers: [learners], sources })
  services = [users, progress]
  for (const each of services) await each.start()
})

afterEach(async () => {
  for (const each of services.reverse()) await each.stop()
  await Promise.all(fresh.map((database) => database.drop()))
})

async function named(...users: readonly (readonly [string, string])[]): Promise<void> {
  await owner.transaction(async (tx) => {
    for (const [id, name] of users) {
      await tx.query('insert into users values ($1, $2) on conflict (id) do update set name = $2', [id, name])
      await publish(tx, UserNamed, { userId: id, name })
    }
  })
}

async function copied(id: string, name: string): Promise<void> {
  const there = async () =>
    (await copy.query('select from learners where id = $1 and name = $2', [id, name])).rowCount === 1
  await waitFor(there, { within: 10_000, what: `the copy of ${id}` })
}

function configOf(...repairs: readonly Repair[]): Config {
  const invariant = replicaOf('Learners are the users', {
    owner: { of: User, table: 'users', columns: ['name'] },
    copy: { source: 'progress', table: 'learners', key: 'id', columns: ['name'] },
  })
  const [users, progress] = fresh.map(({ url }) => ({ url, repair: { url } }))
  return defineConfig({
    sources: { user: users!, progress: progress! },
    invariants: [invariant.within(seconds(1)).repairedBy(...repairs)],
  })
}

const sayAgain: Repair = {
  kind: 're-emit',
  reEmit: (tx: Transaction, key, row) => publish(tx, UserNamed, { userId: key, name: String(row?.name) }),
}

async function repaired(config: Config) {
  const made = await plan(config, await check(config), { folder })
  return { made, applied: await apply(config, approve(made, 'ada'), { folder }) }
}

describe('a state that the owner never published', () => {
  it('is said again by the owner, in order with what it says next', async () => {
    await named(['1', 'Ada'], ['2', 'Grace'])
    await copied('2', 'Grace')
    await owner.query(`update users set name = 'Ada Lovelace' where id = '1'`)
    const config = configOf(sayAgain, { kind: 'sql' })

    const { made, applied } = await repaired(config)

    expect(made.steps).toMatchObject([{ key: '1', verdict: 'never-published', repair: 're-emit' }])
    expect(applied).toMatchObject({ done: 1, differing: [] })
    await copied('1', 'Ada Lovelace')
    const { rows } = await owner.query(`select version::int from selvedge.log where stream = 'User/1' order by version`)
    expect(rows).toEqual([{ version: 1 }, { version: 2 }])
  })
})

describe('a stream that waits', () => {
  it('is let go again, and its event arrives', async () => {
    isPoisoned = true
    await named(['1', 'Poison'])
    await waitFor(async () => (await parkedStreams(copy)).length === 1, { within: 10_000, what: 'the waiting stream' })
    const config = configOf({ kind: 'unblock' }, { kind: 'sql' })
    const made = await plan(config, await check(config), { folder })
    expect(made.steps).toMatchObject([{ key: '1', verdict: 'parked', repair: 'unblock' }])
    // Far away, so that nobody but the repair lets it go. A consumer looks once a second for what a person has changed, and an
    // attempt under way sets its own time afterwards: only what stays far for longer is known to be left alone.
    let farSinceMs = Number.POSITIVE_INFINITY
    const isLeft = async () => {
      const far = await copy.query(`select from selvedge.parked_stream where next_try > now() + interval '1 hour'`)
      if (far.rowCount === 1) return performance.now() - farSinceMs > 2_000
      await copy.query(`update selvedge.parked_stream set next_try = now() + interval '1 day'`)
      farSinceMs = performance.now()
      return false
    }
    await waitFor(isLeft, { within: 20_000, what: 'a stream that nobody tries' })
    isPoisoned = false

    const applied = await apply(config, approve(made, 'ada'), { folder })

    expect(applied).toMatchObject({ done: 1, failed: 0, differing: [] })
    await copied('1', 'Poison')
  })
})

describe('losses of an automatic invariant', { timeout: 120_000 }, () => {
  it('heal with no person acting: fifty of them, and what comes later is still applied', async () => {
    const all = Array.from({ length: 1_200 }, (_, i) => [`u${i}`, `name ${i}`] as const)
    await named(...all)
    const isWhole = async () => (await copy.query('select from learners')).rowCount === all.length
    await waitFor(isWhole, { within: 20_000, what: 'all copies' })
    await copy.query(
      `delete from learners where id in (select 'u' || i from generate_series(0, 29) i);
       update learners set name = 'garbled' where id in (select 'u' || i from generate_series(100, 119) i)`,
    )
    const config = configOf({ kind: 'sql', automatic: true, limits: { share: 0.1, perMinute: 60_000 } })
    const report = await check(config)
    expect(report.findings).toHaveLength(50)
    expect(new Set(report.findings.map((finding) => finding.proof))).toEqual(new Set(['positions']))

    const outcome = await reconcileAutomatically(config, report, { folder })

    expect(outcome).toMatchObject({
      kind: 'applied',
      left: 0,
      applied: { done: 50, skipped: 0, failed: 0, differing: [] },
    })
    expect((await check(config)).findings).toEqual([])
    await named(['u3', 'newer'])
    await copied('u3', 'newer')
  })

  it('above a limit are left whole, with the reason', async () => {
    await named(...Array.from({ length: 40 }, (_, i) => [`u${i}`, `name ${i}`] as const))
    const isWhole = async () => (await copy.query('select from learners')).rowCount === 40
    await waitFor(isWhole, { within: 10_000, what: 'all copies' })
    await copy.query(`delete from learners where id < 'u3'`)
    const config = configOf({ kind: 'sql', automatic: true })
    const outcome = await reconcileAutomatically(config, await check(config), { folder })
    expect(outcome).toMatchObject({ kind: 'refused', code: 'reconcile/limit' })
    expect((await copy.query(`select from learners`)).rowCount).toBeLessThan(40)
  })
})
