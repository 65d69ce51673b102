/** `selvedge watch` where repairs are declared `automatic`: losses behind the log heal with no person acting. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { service } from '../contract/contract.ts'
import { consumer, on } from '../inbox/inbox.ts'
import { publish } from '../outbox/outbox.ts'
import { defineService, type RunningService } from '../service/service.ts'
import type { Database } from '../store/database.ts'
import type { RunRecord } from '../watch/watch.ts'
import { main } from './main.ts'

const name = 'Learners are the users'
const user = service('user')
const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string(), name: z.string() }) })
const UserNamed = user.event('UserNamed', {
  ...{ schemaVersion: 1, about: User },
  schema: z.object({ userId: z.string(), name: z.string() }),
})
const rows = 1_200
/** Fifty losses: thirty rows are gone and twenty are garbled, and no event says so. */
const losses = `delete from learners where id in (select 'u' || i from generate_series(0, 29) i);
  update learners set name = 'garbled' where id in (select 'u' || i from generate_series(100, 119) i)`

let folder: string
let fresh: readonly [FreshDatabase, FreshDatabase]
let copy: Database
let services: RunningService[]
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'selvedge-automatic-'))
  fresh = await Promise.all([freshDatabase(), freshDatabase()])
  const owner = await fresh[0].connect()
  copy = await fresh[1].connect()
  await owner.query('create table users(id text primary key, name text)')
  await copy.query('create table learners(id text primary key, name text)')
  const users = defineService({ contract: user, database: owner })
  const upsert = 'insert into learners values ($1, $2) on conflict (id) do update set name = $2'
  const handler = on(UserNamed, async (tx, { data }) => void (await tx.query(upsert, [data.userId, data.name])))
  const learners = consumer('learners', { from: user, handlers: [handler] })
  const sources = { user: { database: owner, ticks: users.ticked } }
  services = [users, defineService({ contract: service('progress'), database: copy, consumers: [learners], sources })]
  for (const each of services) await each.start()
  await owner.transaction(async (tx) => {
    for (let i = 0; i < rows; i += 1) {
      await tx.query('insert into users values ($1, $2)', [`u${i}`, `name ${i}`])
      await publish(tx, UserNamed, { userId: `u${i}`, name: `name ${i}` })
    }
  })
  const isWhole = async () => (await copy.query('select from learners')).rowCount === rows
  await waitFor(isWhole, { within: 30_000, what: 'all copies' })
})
afterEach(async () => {
  for (const each of services.reverse()) await each.stop()
  await Promise.all(fresh.map((database) => database.drop()))
  rmSync(folder, { recursive: true, force: true })
})

interface Given {
  readonly repair: object
  /** Of the copy, for repairs; its own unless given. */
  readonly writeTo?: string
}

function selvedgeWatch({ repair, writeTo }: Given, ...words: string[]) {
  const config = join(folder, 'selvedge.config.mjs')
  const [owner, progress] = [fresh[0].url, fresh[1].url]
  const sources = { user: { url: owner }, progress: { url: progress, repair: { url: writeTo ?? progress } } }
  const sides = {
    owner: { of: { service: 'user', name: 'User', key: 'id' }, table: 'users', columns: ['name'] },
    copy: { source: 'progress', table: 'learners', key: 'id', columns: ['name'] },
  }
  const watch = { every: { milliseconds: 1_000 }, port: 0, history: { path: join(folder, 'history') } }
  const text = JSON.stringify
  writeFileSync(
    config,
    `import { replicaOf } from 'selvedge/invariant'
     const invariant = replicaOf(${text(name)}, ${text(sides)}).within({ milliseconds: 1000 })
     export default { sources: ${text(sources)}, watch: ${text(watch)}, invariants: [invariant.repairedBy(${text(repair)})] }`,
  )
  const said = { out: '', err: '' }
  const stop = new AbortController()
  const ended = main(['watch', '--config', config, '--json', ...words], {
    stdout: { write: (part: string) => (said.out += part) },
    stderr: { write: (part: string) => (said.err += part) },
    ...{ environment: {}, signal: stop.signal },
  })
  const runs = () =>
    said.out
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as RunRecord)
  const run = (isIt: (run: RunRecord) => boolean) =>
    waitFor(() => runs().find(isIt), { within: 60_000, what: `a run (${said.err})` })
  const url = () => /http:\/\/[^/]+/.exec(said.err)?.[0]
  return { ended, run, runs, url, stop: () => stop.abort(143) }
}

const automatic = { kind: 'sql', automatic: true, limits: { share: 0.1, perMinute: 60_000 } }
const kindsOf = (run: RunRecord) => new Set(run.events.map(({ kind }) => kind))
const wrong = async () => {
  const { rowCount } = await copy.query(`select from learners where name <> 'garbled'`)
  return rows - (rowCount ?? 0)
}

describe('selvedge watch', { timeout: 120_000 }, () => {
  it('heals fifty losses with no person acting, and tells what it did', async () => {
    await copy.query(losses)
    const watching = selvedgeWatch({ repair: automatic })

    const healing = await watching.run(({ repairs }) => repairs !== undefined && repairs.length > 0)
    expect(healing.repairs).toEqual([
      { invariant: name, run: expect.any(String), repaired: 50, refused: 0, result: 'healed' },
    ])
    const healed = await watching.run((run) => run.events.length === 50 && kindsOf(run).has('resolved'))
    expect(healed.outcome).toBe('clean')
    expect(await wrong()).toBe(0)
    const metrics = await (await fetch(`${watching.url()}/metrics`)).text()
    expect(metrics).toContain(`selvedge_repair_actions_total{invariant="${name}",result="repaired"} 50`)
    const status = (await (await fetch(`${watching.url()}/status.json`)).json()) as { invariants: object[] }
    expect(status.invariants).toMatchObject([{ lastRepair: { repaired: 50, refused: 0 } }])
    watching.stop()
    expect(await watching.ended).toBe(143)
  })

  it('with --once ends with 0 when all that it found was healed, and with 1 when a limit held it back', async () => {
    await copy.query(losses)
    const refused = selvedgeWatch({ repair: { ...automatic, limits: { share: 0.01 } } }, '--once')
    expect(await refused.ended).toBe(1)
    const once = selvedgeWatch({ repair: automatic }, '--once')
    expect(await once.ended, JSON.stringify(once.runs()[0]?.repairs)).toBe(0)
    expect(once.runs()).toMatchObject([{ outcome: 'findings', repairs: [{ repaired: 50, result: 'healed' }] }])
    expect(await wrong()).toBe(0)
    expect(await selvedgeWatch({ repair: automatic }, '--once').ended).toBe(0)
  })

  it('writes nothing where nothing is declared automatic', async () => {
    await copy.query(losses)
    const watching = selvedgeWatch({ repair: { ...automatic, automatic: false } }, '--once')
    expect(await watching.ended).toBe(1)
    expect(watching.runs()[0]?.repairs).toBeUndefined()
    expect(await wrong()).toBe(50)
    expect(existsSync(join(folder, '.selvedge', 'reconcile'))).toBe(false)
  })

  it('writes nothing above a limit, says so, and goes on', async () => {
    await copy.query(losses)
    const watching = selvedgeWatch({ repair: { ...automatic, limits: { share: 0.01 } } })
    const { repairs } = await watching.run(({ repairs }) => repairs !== undefined)
    expect(repairs).toMatchObject([{ repaired: 0, refused: 50, because: expect.stringContaining('reconcile/limit') }])
    await watching.run(() => watching.runs().length > 1)
    expect(await wrong()).toBe(50)
    watching.stop()
    await watching.ended
  })

  it('goes on when the repair cannot even begin', async () => {
    await copy.query(losses)
    const writeTo = Object.assign(new URL(fresh[1].url), { pathname: '/no_such_database' }).href
    const watching = selvedgeWatch({ repair: automatic, writeTo })
    const { repairs } = await watching.run(({ repairs }) => repairs !== undefined)
    expect(repairs).toMatchObject([{ repaired: 0, refused: 50, because: expect.stringContaining('no_such_database') }])
    await watching.run(() => watching.runs().length > 1)
    watching.stop()
    expect(await watching.ended).toBe(143)
  })
})
