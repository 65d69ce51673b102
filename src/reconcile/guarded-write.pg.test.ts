/** Live writes win, whenever they come: before the plan is applied, between the guard's look and its write, and back again. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ReconcilePair, reconcilePair } from '../../test/support/reconcile-pair.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import type { Scheduler } from '../base/scheduler.ts'
import { type ApplyOptions, apply, openJournal, type Plan, undo } from './reconcile.ts'

let pair: ReconcilePair
beforeEach(async () => {
  pair = await reconcilePair()
})
afterEach(() => pair.drop())

const sql = { kind: 'sql' } as const
const names = async (...ids: number[]) => (await pair.rows(...ids)).map((row) => row.name)

async function applied(made: Plan, atMoment?: ApplyOptions['atMoment']) {
  const options = { folder: pair.folder, allowDelete: true, ...(atMoment === undefined ? {} : { atMoment }) }
  return apply(pair.config(sql), made, options)
}

/** Resolves once some session waits for a lock on the copy's server, in its database. */
async function somebodyWaits(): Promise<void> {
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await waitFor(async () => (await pair.copy.query(waiting)).rowCount > 0, {
    within: 20_000,
    what: 'a waiting session',
  })
}

describe('between plan and apply', () => {
  it.each([
    ['changed', `update learners set name = 'live' where id = 3`, ['live']],
    [
      'changed and changed back',
      `update learners set name = 'live' where id = 3; update learners set name = 'wrong' where id = 3`,
      ['wrong'],
    ],
    ['deleted', 'delete from learners where id = 3', []],
    ['changed in a column that no invariant names', `update learners set note = 'live' where id = 3`, ['wrong']],
  ])('a row of the copy that was %s is left as it is', async (_, write, expected) => {
    await pair.copy.query(`update learners set name = 'wrong' where id = 3`)
    const made = await pair.approved(pair.config(sql))
    await pair.copy.query(write)
    const result = await applied(made)
    expect(result).toMatchObject({ done: 0, skipped: 1, failed: 0 })
    expect(result.again).toMatchObject([{ key: '3', why: expect.stringMatching(/^changed-meanwhile/) }])
    expect(await names(3)).toEqual(expected)
  })

  it.each([
    ['changed', `update users set name = 'newer' where id = 3`],
    [
      'changed and changed back',
      `update users set name = 'x' where id = 3; update users set name = 'name 3' where id = 3`,
    ],
    ['deleted', 'delete from users where id = 3'],
  ])('a row of the owner that was %s keeps the copy from being written', async (_, write) => {
    await pair.copy.query(`update learners set name = 'wrong' where id = 3`)
    const made = await pair.approved(pair.config(sql))
    await pair.owner.query(write)
    expect(await applied(made)).toMatchObject({ done: 0, skipped: 1 })
    expect(await names(3)).toEqual(['wrong'])
  })

  it('a row that came is not inserted over, and a row that was changed is not deleted', async () => {
    await pair.copy.query(`delete from learners where id = 4; insert into learners values (99, 'extra')`)
    const made = await pair.approved(pair.config(sql), { allowDelete: true })
    await pair.copy.query(`insert into learners values (4, 'came'); update learners set name = 'live' where id = 99`)
    expect(await applied(made)).toMatchObject({ done: 0, skipped: 2 })
    expect(await names(4, 99)).toEqual(['came', 'live'])
  })
})

describe('between the guard and its write', () => {
  it('a write that waits for the row comes after, and stays', async () => {
    await pair.copy.query(`update learners set name = 'wrong' where id = 3`)
    const made = await pair.approved(pair.config(sql))
    let live: Promise<unknown> | undefined
    const result = await applied(made, async (moment) => {
      if (moment !== 'guarded') return
      live = pair.copy.query(`update learners set name = 'live' where id = 3`)
      await somebodyWaits()
    })
    await live
    expect(await names(3)).toEqual(['live'])
    // What was written over is told: the repaired key does not hold, or already holds again by the time it is looked at.
    expect(result.done).toBe(1)
  })

  it('a connection that holds the row, and commits while the guard waits, wins', async () => {
    await pair.copy.query(`update learners set name = 'wrong' where id = 3`)
    const made = await pair.approved(pair.config(sql))
    let running: Promise<unknown> | undefined
    await pair.copy.transaction(async (tx) => {
      await tx.query(`update learners set name = 'live' where id = 3`)
      running = applied(made)
      await somebodyWaits()
    })
    expect(await running).toMatchObject({ done: 0, skipped: 1 })
    expect(await names(3)).toEqual(['live'])
  })

  it('a connection that holds the row and does not let go makes the step fail, and nothing is written', async () => {
    await pair.copy.query(`update learners set name = 'wrong' where id in (3, 4)`)
    const made = await pair.approved(pair.config(sql))
    await pair.copy.transaction(async (tx) => {
      await tx.query(`update learners set note = 'held' where id = 3`)
      expect(await applied(made)).toMatchObject({ done: 1, failed: 1, failures: [{ key: '3' }] })
    })
    expect(await names(3, 4)).toEqual(['wrong', 'name 4'])
  })

  it('a row that the owner deletes while its copy is inserted does not rise again', async () => {
    await pair.copy.query('delete from learners where id = 4')
    const made = await pair.approved(pair.config(sql))
    const result = await applied(made, async (moment) => {
      if (moment !== 'written') return
      // The deletion and its tombstone pass while the new row is not yet visible: the tombstone finds nothing to delete.
      await pair.owner.query('delete from users where id = 4')
      expect((await pair.copy.query('delete from learners where id = 4')).rowCount).toBe(0)
    })
    expect(result).toMatchObject({ done: 0, skipped: 1, again: [{ why: expect.stringMatching(/taken back/) }] })
    expect(await names(4)).toEqual([])
  })

  it('an owner in the same database is held, so that its write comes after', async () => {
    await pair.copy.query(`create table users as select id, 'name ' || id as name, score, tags from learners`)
    await pair.copy.query(`update learners set name = 'wrong' where id = 3`)
    const config = {
      ...pair.config(sql),
      sources: { user: { url: pair.urls[1] }, progress: pair.config(sql).sources.progress! },
    }
    const made = await pair.approved(config)
    let live: Promise<unknown> | undefined
    await apply(config, made, {
      folder: pair.folder,
      atMoment: async (moment) => {
        if (moment !== 'guarded') return
        live = pair.copy.query(`update users set name = 'newer' where id = 3`)
        await somebodyWaits()
      },
    })
    await live
    expect(await names(3)).toEqual(['name 3'])
  })
})

describe('a run', () => {
  const limits = { share: 1, mismatches: 1, oneColumn: 1 }
  const withLimits = (more = {}) => pair.config({ kind: 'sql', limits: { ...limits, ...more } })
  const options = () => ({ folder: pair.folder })

  it('stops when more keys differ than when it began', async () => {
    await pair.copy.query(`update learners set name = 'wrong' where id <= 28`)
    const made = await pair.approved(withLimits())
    const result = await apply(withLimits(), made, {
      ...options(),
      atMoment: async (moment, step) => {
        if (moment === 'done' && step === 25)
          await pair.copy.query(`insert into learners select i, 'more' from generate_series(100, 150) i`)
      },
    })
    expect(result).toMatchObject({ done: 25, stopped: expect.stringMatching(/something else makes more/) })
  })

  it('stops when three steps in a row fail', async () => {
    await pair.copy.query(
      `update learners set name = 'wrong' where id <= 5;
       create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not today'; end $$;
       create trigger refuse before update on learners for each row execute function refuse()`,
    )
    const result = await apply(withLimits(), await pair.approved(withLimits()), options())
    expect(result).toMatchObject({ done: 0, failed: 3, stopped: expect.stringMatching(/not today/) })
  })

  it('writes no more rows a minute than it may', async () => {
    await pair.copy.query(`update learners set name = 'wrong' where id <= 3`)
    const paced = withLimits({ perMinute: 60 })
    const pauses: number[] = []
    const scheduler: Scheduler = {
      task: () => ({ wake: () => undefined, stop: async () => undefined }),
      sleep: async (ms) => void pauses.push(ms),
      stop: async () => undefined,
    }
    await apply(paced, await pair.approved(paced), { ...options(), scheduler })
    expect(pauses).toHaveLength(3)
    for (const pause of pauses) expect(pause).toBeGreaterThan(500)
  })
})

describe('undo', () => {
  it('names a row of which a trigger makes another one', async () => {
    await pair.copy.query(`create function stamped() returns trigger language plpgsql as
      $$begin new.note := 'by the trigger'; return new; end$$`)
    await pair.copy.query(`update learners set name = 'wrong' where id in (3, 4)`)
    await pair.copy.query(
      `create trigger stamps before update on learners for each row when (new.id = 3) execute function stamped()`,
    )
    const { run, differing } = await applied(await pair.approved(pair.config(sql)))
    expect(differing).toEqual([])
    const undone = await undo(pair.config(sql), run, { folder: pair.folder, by: 'grace' })
    expect(undone).toMatchObject({ done: 2, differing: ['3'] })
    expect(await names(3, 4)).toEqual(['wrong', 'wrong'])
  })

  it('leaves a row that was written since, and brings the others back', async () => {
    await pair.copy.query(`update learners set name = 'wrong' where id in (3, 4)`)
    const { run } = await applied(await pair.approved(pair.config(sql)))
    await pair.copy.query(`update learners set note = 'live' where id = 3`)
    const undone = await undo(pair.config(sql), run, { folder: pair.folder, by: 'grace' })
    expect(undone).toMatchObject({ done: 1, skipped: 1 })
    expect(await names(3, 4)).toEqual(['name 3', 'wrong'])
    const started = openJournal(pair.folder).entries.filter((entry) => entry.kind === 'run-started')
    expect(started).toMatchObject([{ approvals: [{ by: 'ada' }] }, { undoes: run, by: 'grace' }])
  })
})

describe('two writers that fight', () => {
  it('are reported: a key that was repaired and differs again is left to a person', async () => {
    const config = pair.config(sql)
    await pair.copy.query(`update learners set name = 'wrong' where id = 3`)
    expect(await applied(await pair.approved(config))).toMatchObject({ done: 1 })
    await pair.copy.query(`update learners set name = 'wrong' where id in (3, 4)`)
    const made = await pair.plan(config)
    expect(made.steps).toMatchObject([
      { key: '3', repair: 'person', why: expect.stringMatching(/two writers fight/) },
      { key: '4', repair: 'sql' },
    ])
  })
})
