/** Checks of a declared replica: its bookkeeping says who wrote a row, also while the log moves on. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type FreshDatabase, freshDatabase } from '../../../test/support/database.ts'
import { waitFor } from '../../../test/support/wait-for.ts'
import { seconds } from '../../base/base.ts'
import { service } from '../../contract/contract.ts'
import { replicaOf } from '../../invariant/invariant.ts'
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

describe('a replica', () => {
  it('of which a row was written behind its back tells so, also after every lane has moved on', async () => {
    await named('1', 'Ada')
    await copied('1', 'Ada')
    await copy.query(`update user_copy set name = 'Eve' where id = '1'`)
    for (let id = 2; id < 40; id += 1) await named(String(id), 'Grace')
    for (let id = 2; id < 40; id += 1) await copied(String(id), 'Grace')
    const invariant = replicaOf('Copied', {
      owner: { of: User, table: 'users', columns: ['name'] },
      copy: { source: 'progress', table: 'user_copy', key: 'id', columns: ['name'] },
    }).within(seconds(60))
    const sources = { user: { url: fresh[0].url }, progress: { url: fresh[1].url } }
    const report = await check({ sources, invariants: [invariant] })
    expect(report.invariants).toMatchObject([{ proof: 'positions', state: 'checked' }])
    expect(report.findings).toMatchObject([{ key: '1', verdict: 'conflicting-write', proof: 'positions' }])
  })
})
