/**
 * What an incremental check takes for keys that were touched: `node check/touched.ts [-r rounds]`.
 *
 * An owner with our log and a replica of it, 100,000 rows each. 1,000 and 10,000 of them have an event within the last
 * minutes, all others none; `check({ touchedSeconds })` is timed as a call, and divided by keys and sides. The same check
 * without any touched key is what opening and asking take. Results go to `results/touched.md`.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { seconds } from '../../src/base/duration.ts'
import { check } from '../../src/check/check.ts'
import { service } from '../../src/contract/contract.ts'
import { replicaOf } from '../../src/invariant/invariant.ts'
import { publish } from '../../src/outbox/outbox.ts'
import { ownerWins, replica } from '../../src/replica/replica.ts'
import { defineService } from '../../src/service/service.ts'
import { openDatabase } from '../../src/store/store.ts'
import { median, rounded } from '../lib/measure.ts'
import { databaseUrl } from '../lib/server.ts'
import { run } from './work.ts'

const { values: options } = parseArgs({ options: { rounds: { type: 'string', short: 'r', default: '9' } } })
const rows = 100_000
const names = { owner: 'check_touched_owner', copy: 'check_touched_copy' }

const user = service('user')
const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string(), name: z.string() }) })
const UserNamed = user.event('UserNamed', {
  ...{ schemaVersion: 1, about: User, schema: z.object({ userId: z.string(), name: z.string() }) },
})

for (const name of Object.values(names))
  await run('postgres', `drop database if exists ${name} with (force)`, `create database ${name}`)
const [owner, copy] = [openDatabase(databaseUrl(names.owner)), openDatabase(databaseUrl(names.copy))]
await owner.query('create table users(id text primary key, name text)')
await owner.query(`insert into users select i::text, 'Learner ' || i from generate_series(1, ${rows}) i`)
await copy.query('create table user_copy(id text primary key, name text)')
await copy.query(`insert into user_copy select i::text, 'Learner ' || i from generate_series(1, ${rows}) i`)
const copied = replica(User, {
  keep: ['name'],
  conflict: { name: ownerWins },
  from: [UserNamed],
  freshWithin: seconds(5),
})
const users = defineService({ contract: user, database: owner })
const progress = defineService({
  ...{ contract: service('progress'), database: copy, replicas: [copied] },
  sources: { user: { database: owner, ticks: users.ticked } },
})
await users.start()
await progress.start()

/** Touches the first so many keys, and waits until the copy has them. */
async function touch(count: number): Promise<void> {
  for (let from = 1; from <= count; from += 500)
    await owner.transaction(async (tx) => {
      for (let id = from; id < Math.min(from + 500, count + 1); id += 1) {
        await tx.query('update users set name = $2 where id = $1', [String(id), `Learner ${id} of ${count}`])
        await publish(tx, UserNamed, { userId: String(id), name: `Learner ${id} of ${count}` })
      }
    })
  for (;;) {
    const { rows: found } = await copy.query<{ n: number }>(
      'select count(*)::int as n from user_copy where name like $1',
      [`% of ${count}`],
    )
    if (found[0]!.n >= count) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function once(touchedSeconds: number, expected: number): Promise<number> {
  const invariant = replicaOf('Progress knows the name of every user', {
    owner: { of: User, table: 'users', columns: ['name'] },
    copy: { source: 'progress', table: 'user_copy', key: 'id', columns: ['name'] },
  })
  const sources = { user: { url: databaseUrl(names.owner) }, progress: { url: databaseUrl(names.copy) } }
  const fromMs = performance.now()
  const report = await check({ sources, invariants: [invariant] }, { touchedSeconds, budget: 'full' })
  const took = performance.now() - fromMs
  const looked = report.invariants[0]?.rows
  if (report.incomplete || report.findings.length > 0 || looked !== expected)
    throw new Error(
      `${looked} keys looked at, not ${expected}; ${report.findings.length} findings ${report.invariants[0]?.why ?? ''}`,
    )
  return took
}

async function timed(touchedSeconds: number, expected: number): Promise<number[]> {
  await once(touchedSeconds, expected)
  const times: number[] = []
  for (let round = 0; round < Number(options.rounds); round += 1)
    times.push(rounded(await once(touchedSeconds, expected)))
  return times
}

const table: string[] = []
let baseMs = 0
try {
  // A log tells what was touched within a time only when it is older than that.
  await touch(1)
  await owner.query(`update selvedge.tick set at = at - interval '2 hours'`)
  for (const count of [0, 1_000, 10_000]) {
    if (count > 0) await touch(count)
    const times = await timed(3_600, count)
    if (count === 0) baseMs = median(times)
    const each = count === 0 ? 0 : rounded(((median(times) - baseMs) / count / 2) * 1_000)
    table.push(
      `| ${count} | ${median(times)} (${Math.min(...times)}..${Math.max(...times)}) | ${count === 0 ? '-' : each} |`,
    )
  }
} finally {
  await progress.stop()
  await users.stop()
  await Promise.all([owner.close(), copy.close()])
}
const report = `# check, keys that were touched

${JSON.stringify({ at: new Date().toISOString(), node: process.version, rows })}

| touched keys | ms of check(), median of ${options.rounds} (min..max) | ms for 1,000 keys and side, without what none takes |
| --- | --- | --- |
${table.join('\n')}
`
writeFileSync(join(import.meta.dirname, '../results/touched.md'), report)
process.stdout.write(report)
