import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type FreshDatabase, freshDatabase } from '../../../test/support/database.ts'
import { waitFor } from '../../../test/support/wait-for.ts'
import { type Duration, milliseconds, type Scheduler, seconds } from '../../base/base.ts'
import { service } from '../../contract/contract.ts'
import { consumer, on, parkedStreams, skip } from '../../inbox/inbox.ts'
import { type Config, type Finding, replicaOf } from '../../invariant/invariant.ts'
import { publish } from '../../outbox/outbox.ts'
import { defineService, type RunningService } from '../../service/service.ts'
import type { Database } from '../../store/store.ts'
import { check } from '../check.ts'

const user = service('user')
const User = user.entity('User', { key: 'id', schema: z.object({ id: z.string(), name: z.string() }) })
const userData = z.object({ userId: z.string(), fullName: z.string() })
const UserChanged = user.event('UserChanged', { schemaVersion: 1, about: User, schema: userData })
const UserDeleted = user.event('UserDeleted', {
  schemaVersion: 1,
  about: User,
  kind: 'tombstone',
  schema: z.object({ userId: z.string() }),
})

const progressContract = service('progress')

let owner: Database
let copy: Database
let urls: { user: string; progress: string }
let fresh: FreshDatabase[]
let userService: RunningService
let progressService: RunningService

beforeEach(async () => {
  const [ownerFresh, copyFresh] = await Promise.all([freshDatabase(), freshDatabase()])
  fresh = [ownerFresh, copyFresh]
  urls = { user: ownerFresh.url, progress: copyFresh.url }
  ;[owner, copy] = await Promise.all([ownerFresh.connect(), copyFresh.connect()])
  await owner.query('create table users(id text primary key, full_name text)')
  await copy.query('create table learners(user_id text primary key, full_name text)')
  userService = defineService({ contract: user, database: owner })
  await userService.start()
  progressService = progress()
  await progressService.start()
})

afterEach(async () => {
  await progressService.stop()
  await userService.stop()
  await Promise.all(fresh.map((database) => database.drop()))
})

/** Its handler has three bugs: it shouts Misread's name, forgets the deletion of Undying, and cannot bear Poison. */
function progress(): RunningService {
  const learners = consumer('learners', {
    from: user,
    handlers: [
      on(UserChanged, async (tx, { data }) => {
        if (data.fullName === 'Poison') throw new Error('no poison please')
        const name = data.fullName === 'Misread' ? 'MISREAD' : data.fullName
        await tx.query('insert into learners values ($1, $2) on conflict (user_id) do update set full_name = $2', [
          data.userId,
          name,
        ])
      }),
      on(UserDeleted, async (tx, { data }) => {
        await tx.query(`delete from learners where user_id = $1 and full_name <> 'Undying'`, [data.userId])
      }),
    ],
  })
  return defineService({
    contract: progressContract,
    database: copy,
    consumers: [learners],
    sources: { user: { database: owner, ticks: userService.ticked } },
  })
}

async function saved(id: string, name: string): Promise<void> {
  await owner.transaction(async (tx) => {
    await tx.query('insert into users values ($1, $2) on conflict (id) do update set full_name = $2', [id, name])
    await publish(tx, UserChanged, { userId: id, fullName: name })
  })
}

async function deleted(id: string): Promise<void> {
  await owner.transaction(async (tx) => {
    await tx.query('delete from users where id = $1', [id])
    await publish(tx, UserDeleted, { userId: id })
  })
}

/** Everything published so far is done at the copy. */
async function drained(): Promise<void> {
  await saved('last', 'Last')
  const done = async () => (await copy.query(`select from learners where user_id = 'last'`)).rowCount === 1
  await waitFor(done, { within: 10_000, what: 'the last learner' })
}

function config(deadline: Duration): Config {
  const invariant = replicaOf('Progress knows the name of every user', {
    owner: { of: User, table: 'users', columns: ['full_name'] },
    copy: { source: 'progress', table: 'learners', key: 'user_id', columns: ['full_name'] },
  })
  return {
    sources: { user: { url: urls.user }, progress: { url: urls.progress } },
    invariants: [invariant.within(deadline)],
  }
}

/** With a minute's deadline nothing but a proof can be a finding in the seconds that a test takes. */
async function verdicts(deadline: Duration = seconds(60)): Promise<Record<string, string>> {
  const { findings, incomplete, invariants } = await check(config(deadline))
  expect({
    incomplete,
    proof: invariants[0]?.proof,
    proofs: findings.every((finding) => finding.proof === 'positions'),
  }).toEqual({ incomplete: false, proof: 'positions', proofs: true })
  return Object.fromEntries(findings.map((finding) => [finding.key, finding.verdict]))
}

describe('by positions, at once and without waiting', () => {
  it('a copy that has done everything gives no finding', async () => {
    await saved('1', 'Ada')
    await saved('1', 'Ada Lovelace')
    await saved('2', 'Grace')
    await deleted('2')
    await drained()
    expect(await verdicts()).toEqual({})
  })

  it('each way of going wrong has its verdict', async () => {
    for (const [id, name] of [
      ['rogue', 'R'],
      ['silent', 'S'],
      ['silently-gone', 'G'],
      ['undying', 'Undying'],
      ['misread', 'Misread'],
      ['emptied', 'E'],
      ['good', 'G'],
    ] as const)
      await saved(id, name)
    await deleted('undying')
    await drained()
    await owner.query(
      `update users set full_name = 'Changed' where id = 'silent'; delete from users where id = 'silently-gone'; insert into users values ('unsaid', 'Never said')`,
    )
    await copy.query(
      `update learners set full_name = 'Rogue' where user_id = 'rogue'; delete from learners where user_id = 'emptied'; insert into learners values ('nobody', 'Nobody')`,
    )
    expect(await verdicts()).toEqual({
      // Its handler might have written it in a savepoint, whose rows look younger: nobody is named.
      rogue: 'diverged',
      silent: 'never-published',
      'silently-gone': 'never-published',
      unsaid: 'never-published',
      undying: 'lost-delete',
      nobody: 'orphan',
      // It was applied in a batch with others, so that its position was written with it only when it came last.
      misread: expect.stringMatching(/^(misapplied|diverged)$/),
      emptied: 'diverged',
    })
  })

  it('a handler that wrote something else in the transaction of its position misapplied', async () => {
    await drained()
    let attempts = 0
    // The proof is the position that was stored with the row; once a second a newer one takes its place, and a busy machine is slower.
    const isProved = async () => {
      const id = `misread ${++attempts}`
      await saved(id, 'Misread')
      await waitFor(async () => (await copy.query('select from learners where user_id = $1', [id])).rowCount === 1, {
        within: 10_000,
      })
      return (await verdicts())[id] === 'misapplied'
    }
    await waitFor(isProved, { within: 30_000, what: 'a check before the lane’s next position' })
    const all = await verdicts()
    expect(Object.keys(all)).toHaveLength(attempts)
    for (const verdict of Object.values(all)) expect(verdict).toMatch(/^(misapplied|diverged)$/)
  })

  it('a finding tells the proof in one sentence and the command that tells the rest', async () => {
    await saved('42', 'Ada')
    await drained()
    await copy.query(`update learners set full_name = 'Eve' where user_id = '42'`)
    const { findings } = await check(config(seconds(60)))
    expect(findings).toEqual<Finding[]>([
      {
        invariant: 'Progress knows the name of every user',
        entity: 'User',
        key: '42',
        verdict: 'diverged',
        proof: 'positions',
        because:
          'user.users and progress.learners differ in full_name: progress.learners is past version 1 of User/42 and holds something else',
        present: ['user.users', 'progress.learners'],
        absent: [],
        columns: [{ column: 'full_name', values: { 'user.users': 'Ada', 'progress.learners': 'Eve' } }],
        explain: 'selvedge explain User 42',
      },
    ])
  })

  it('a parked stream is parked, and skipped once a named person has left its event out', async () => {
    await saved('1', 'Poison')
    await drained()
    await waitFor(async () => (await parkedStreams(copy)).length === 1, { within: 10_000 })
    expect(await verdicts(milliseconds(0))).toEqual({ 1: 'parked' })
    await progressService.stop()
    await copy.query(`update selvedge.parked_stream set state = 'parked'`)
    expect(await verdicts()).toEqual({ 1: 'parked' })
    const { findings, incidents } = await check(config(seconds(60)))
    const since = expect.stringMatching(/^\d{4}-\d\d-\d\dT/)
    expect(findings[0]?.cause).toEqual({ consumer: 'learners', code: expect.any(String), since })
    expect(incidents).toMatchObject([{ consumer: 'learners', next: 'selvedge parked learners' }])
    progressService = progress()
    await progressService.start()
    await skip(copy, { consumer: 'learners', stream: 'User/1', version: 1, by: 'Grace', reason: 'a test account' })
    await waitFor(async () => (await parkedStreams(copy)).length === 0, { within: 10_000 })
    expect(await verdicts()).toEqual({ 1: 'skipped' })
  })

  it('an event in a version that the copy does not know is schema-skew', async () => {
    await drained()
    const next = service('user')
    const Next = next.entity('User', { key: 'id', schema: z.object({ id: z.string() }) })
    const Changed2 = next.event('UserChanged', {
      schemaVersion: 2,
      about: Next,
      schema: userData.extend({ pronouns: z.string() }),
      upcast: { 1: (old: object) => ({ ...old, pronouns: '' }) as never },
    })
    await owner.transaction(async (tx) => {
      await tx.query(`insert into users values ('7', 'Ada')`)
      await publish(tx, Changed2, { userId: '7', fullName: 'Ada', pronouns: 'she' })
    })
    await waitFor(async () => (await parkedStreams(copy)).length === 1, { within: 10_000 })
    expect(await verdicts()).toEqual({ 7: 'schema-skew' })
  })

  it('a version that never came although the position is past it was lost in transport', async () => {
    await saved('1', 'Ada')
    await drained()
    await copy.query(
      `update learners set full_name = 'Old' where user_id = '1'; insert into selvedge.applied(consumer, source, stream, lane, version, tick) values ('learners', 'user', 'User/1', 0, 0, 0)`,
    )
    expect(await verdicts()).toEqual({ 1: 'lost-in-transport' })
  })
})

describe('what is only late', () => {
  it('is no finding when it arrives within the deadline', async () => {
    await drained()
    await progressService.stop()
    await saved('1', 'Ada')
    const slept: number[] = []
    const scheduler: Scheduler = {
      task: () => expect.unreachable(),
      stop: async () => undefined,
      async sleep(ms) {
        slept.push(ms)
        progressService = progress()
        await progressService.start()
        await waitFor(async () => (await copy.query(`select from learners where user_id = '1'`)).rowCount === 1, {
          within: 10_000,
        })
        await new Promise((resolve) => setTimeout(resolve, ms))
      },
    }
    const report = await check(config(seconds(1)), { scheduler })
    expect(report).toMatchObject({ findings: [], incomplete: false, invariants: [{ inconclusive: 0 }] })
    expect(slept.length).toBeGreaterThan(0)
  })

  it('is never a finding while writers are at work, and what is wrong is still found', async () => {
    await saved('wrong', 'Right')
    await drained()
    await copy.query(`update learners set full_name = 'Wrong' where user_id = 'wrong'`)
    const state = { running: true, writes: 0 }
    const writer = async (): Promise<void> => {
      while (state.running) {
        state.writes += 1
        const id = String(state.writes % 40)
        await (state.writes % 11 === 0 ? deleted(id) : saved(id, `Name ${state.writes}`))
      }
    }
    const writing = [writer(), writer(), writer()]
    for (let round = 0; round < 3; round += 1) expect(await verdicts()).toEqual({ wrong: 'diverged' })
    state.running = false
    await Promise.all(writing)
    expect(state.writes).toBeGreaterThan(200)
  })

  it('is lagging past the deadline: in a tick, and the consumer has not got to it', async () => {
    await drained()
    await progressService.stop()
    await saved('1', 'Ada')
    expect(await verdicts(milliseconds(300))).toEqual({ 1: 'lagging' })
  })

  it('is in-flight past the deadline when no tick holds it, and the silent ticker is a finding of its own', async () => {
    await drained()
    await userService.stop()
    await saved('1', 'Ada')
    expect(await verdicts(milliseconds(300))).toMatchObject({ 1: 'in-flight' })
    expect(await verdicts(milliseconds(300))).toEqual({ 1: 'in-flight', '': 'ticker-silent' })
  })
})
