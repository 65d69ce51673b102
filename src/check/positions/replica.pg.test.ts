import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
/** Checks of a declared replica: its bookkeeping says who wrote a row, also while the log moves on. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type FreshDatabase, freshDatabase } from '../../../test/support/database.ts'
import { waitFor } from '../../../test/support/wait-for.ts'
import { type Duration, milliseconds, seconds } from '../../base/base.ts'
import { service } from '../../contract/contract.ts'
import { type Config, replicaOf } from '../../invariant/invariant.ts'
import { publish } from '../../outbox/outbox.ts'
import { ownerWins, replica } from '../../replica/replica.ts'
import { defineService, type RunningService } from '../../service/service.ts'
import type { Database } from '../../store/store.ts'
import { check } from '../check.ts'

const user = service('user')
const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string(), name: z.string() }) })
const UserNamed = user.event('UserNamed', {
  schemaVersion: 1,
  about: User,
  schema: z.object({ userId: z.string(), name: z.string() }),
})
const userCopy = replica(User, {
  keep: ['name'],
  conflict: { name: ownerWins },
  from: [UserNamed],
  freshWithin: seconds(5),
})

let fresh: readonly [FreshDatabase, FreshDatabase]
let owner: Database
let copy: Database
let services: RunningService[]

beforeEach(async () => {
  fresh = await Promise.all([freshDatabase(), freshDatabase()])
  ;[owner, copy] = await Promise.all([fresh[0].connect(), fresh[1].connect()])
  await owner.query('create table users(id text primary key, name text)')
  await copy.query('create table user_copy(id text primary key, name text)')
  const users = defineService({ contract: user, database: owner })
  const source = { database: owner, ticks: users.ticked }
  const progress = defineService({
    contract: service('progress'),
    database: copy,
    replicas: [userCopy],
    sources: { user: source },
  })
  services = [users, progress]
  for (const each of services) await each.start()
})

afterEach(async () => {
  for (const each of services.reverse()) await each.stop()
  await Promise.all(fresh.map((database) => database.drop()))
})

async function named(id: string, name: string): Promise<void> {
  await owner.transaction(async (tx) => {
    await tx.query('insert into users values ($1, $2) on conflict (id) do update set name = $2', [id, name])
    await publish(tx, UserNamed, { userId: id, name })
  })
}

async function copied(id: string, name: string): Promise<void> {
  const there = async () =>
    (await copy.query('select from user_copy where id = $1 and name = $2', [id, name])).rowCount === 1
  await waitFor(there, { within: 10_000, what: `the copy of ${id}` })
}

function configFor(ownerUrl: string, copyUrl: string, deadline: Duration = seconds(60)): Config {
  const invariant = replicaOf('Copied', {
    owner: { of: User, table: 'users', columns: ['name'] },
    copy: { source: 'progress', table: 'user_copy', key: 'id', columns: ['name'] },
  })
  return { sources: { user: { url: ownerUrl }, progress: { url: copyUrl } }, invariants: [invariant.within(deadline)] }
}

describe('a replica', () => {
  it('of which a row was written behind its back tells so, also after every lane has moved on', async () => {
    await named('1', 'Ada')
    await copied('1', 'Ada')
    await copy.query(`update user_copy set name = 'Eve' where id = '1'`)
    for (let id = 2; id < 40; id += 1) await named(String(id), 'Grace')
    for (let id = 2; id < 40; id += 1) await copied(String(id), 'Grace')
    const report = await check(configFor(fresh[0].url, fresh[1].url))
    expect(report.invariants).toMatchObject([{ proof: 'positions', state: 'checked' }])
    expect(report.findings).toMatchObject([{ key: '1', verdict: 'conflicting-write', proof: 'positions' }])
  })

  it('is checked by the keys that were touched of late alone, and only a whole check sees what had no event', async () => {
    for (let id = 1; id < 60; id += 1) await named(String(id), 'Ada')
    for (let id = 1; id < 60; id += 1) await copied(String(id), 'Ada')
    await owner.query(`update selvedge.tick set at = at - interval '1 hour'`)
    for (const id of ['3', '4']) await named(id, 'Grace')
    for (const id of ['3', '4']) await copied(id, 'Grace')
    await copy.query(`update user_copy set name = 'Eve' where id in ('3', '20')`)
    const config = configFor(fresh[0].url, fresh[1].url)
    const touched = await check(config, { touchedSeconds: 600 })
    expect(touched.findings.map(({ key }) => key)).toEqual(['3'])
    expect(touched.invariants[0]?.rows).toBe(2)
    expect((await check(config)).findings.map(({ key }) => key)).toEqual(['20', '3'])
  })

  it('is checked step by step: first what was touched, and as a whole once something was found', async () => {
    for (let id = 1; id < 60; id += 1) await named(String(id), 'Ada')
    for (let id = 1; id < 60; id += 1) await copied(String(id), 'Ada')
    await owner.query(`update selvedge.tick set at = at - interval '1 hour'`)
    const folder = await mkdtemp(join(tmpdir(), 'selvedge-verified-'))
    const step = () => check(configFor(fresh[0]!.url, fresh[1]!.url), { incremental: { folder } })
    expect((await step()).invariants[0]).toMatchObject({ rows: 59, verified: { parts: 1, verified: 1 } })
    for (const id of ['3', '4']) await named(id, 'Grace')
    for (const id of ['3', '4']) await copied(id, 'Grace')
    await copy.query(`update user_copy set name = 'Eve' where id in ('3', '20')`)
    const touched = await step()
    expect(touched.findings.map(({ key }) => key)).toEqual(['3'])
    expect(touched.invariants[0]).toMatchObject({ rows: 2, verified: { parts: 1, verified: 0 } })
    expect((await step()).findings.map(({ key }) => key)).toEqual(['20', '3'])
    await rm(folder, { recursive: true })
  })

  it('is judged by positions with SELECT alone, and by double reads where the log may not be read', async () => {
    await named('1', 'Ada')
    await copied('1', 'Ada')
    const role = `auditor_${fresh[0].name}`
    await owner.query(`create role ${role} login password 'look'`)
    for (const db of [owner, copy])
      await db.query(
        `grant usage on schema selvedge to ${role}; grant select on all tables in schema selvedge, public to ${role}`,
      )
    const [ownerUrl = '', copyUrl = ''] = fresh.map(({ url }) => url.replace(/\/\/[^@/]*@|\/\//, `//${role}:look@`))

    let byPositions = await check(configFor(ownerUrl, copyUrl))
    // Who wrote it is proved until the lane's position is stored again, once a second; a busy machine may need another try.
    const isProved = async () => {
      await copy.query(`update user_copy set name = 'Eve' where id = '1'`)
      byPositions = await check(configFor(ownerUrl, copyUrl))
      return byPositions.findings[0]?.verdict === 'conflicting-write'
    }
    await waitFor(isProved, { within: 30_000, what: 'a check before the lane’s next position' })
    await owner.query(`revoke select on selvedge.log from ${role}`)
    const byReads = await check(configFor(ownerUrl, copyUrl, milliseconds(50)))

    expect(byPositions.findings).toMatchObject([{ key: '1', verdict: 'conflicting-write', proof: 'positions' }])
    expect(byReads.findings).toMatchObject([{ key: '1', verdict: 'diverged', proof: 'double-read' }])
    for (const db of [owner, copy]) await db.query(`drop owned by ${role}`)
    await owner.query(`drop role ${role}`)
  })
})
