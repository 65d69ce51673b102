/** Copies of which only the owner decides, on a real PostgreSQL: order, duplicates, deletions, adoption, refresh, freshness. */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { seconds } from '../base/duration.ts'
import { service } from '../contract/contract.ts'
import { inboxMigrations } from '../inbox/inbox.ts'
import type { LoggedEvent } from '../log/event.ts'
import { logMigrations } from '../log/log.ts'
import type { Database, Transaction } from '../store/database.ts'
import { migrate } from '../store/migrate.ts'
import { changeOf } from './change.ts'
import { collapse, viewOf } from './conflict-state.ts'
import { ownerWins, type Replica, replica, replicaMigrations } from './replica.ts'

const user = service('user')
const User = user.entity('User', {
  key: 'id',
  schema: z.object({ id: z.string(), name: z.string(), email: z.string().nullable(), tags: z.array(z.string()) }),
})
const UserSaved = user.event('UserSaved', {
  schemaVersion: 1,
  about: User,
  kind: 'state',
  schema: z.object({ id: z.string(), name: z.string(), email: z.string().nullable(), tags: z.array(z.string()) }),
})
const EmailChanged = user.event('EmailChanged', {
  schemaVersion: 1,
  about: User,
  schema: z.object({ userId: z.string(), email: z.string().nullable() }),
})
const UserDeleted = user.event('UserDeleted', {
  schemaVersion: 1,
  about: User,
  kind: 'tombstone',
  schema: z.object({ userId: z.string() }),
})
const from = [UserSaved, EmailChanged, UserDeleted]
const all = { name: ownerWins, email: ownerWins, tags: ownerWins }
let db: Database
beforeAll(async () => {
  db = await (await freshDatabase()).connect()
  await migrate(db, [logMigrations, inboxMigrations, replicaMigrations])
})

let count = 0
/** A replica of users with a table of its own. */
async function userCopy(options: Partial<Parameters<typeof replica<User, 'id', 'name' | 'email' | 'tags'>>[1]> = {}) {
  const table = `user_copy_${++count}`
  await db.query(
    `create table ${table}(id text primary key, name text not null, "e-mail" text, tags jsonb, gone boolean)`,
  )
  const copy = replica(User, {
    keep: ['name', 'email', 'tags'],
    conflict: all,
    from,
    freshWithin: seconds(5),
    table,
    columns: { email: 'e-mail' },
    ...options,
  })
  return { copy, table }
}
type User = { id: string; name: string; email: string | null; tags: string[] }

function event(type: string, version: number, data: unknown, of: Partial<LoggedEvent> = {}): LoggedEvent {
  const op =
    type === 'UserDeleted' ? 'tombstone' : type === 'erase' ? 'erase' : type === 'UserSaved' ? 'state' : 'event'
  return {
    ...{ source: 'user', epoch: 1, tick: version, seq: version, lane: 0, stream: 'User/1', version, type, op, data },
    ...{
      id: `00000000-0000-7000-8000-${String(version).padStart(12, '0')}`,
      schemaVersion: 1,
      at: new Date(1e12),
      ...of,
    },
  }
}
const saved = (version: number, name: string, email: string | null = null, key = '1') =>
  event('UserSaved', version, { id: key, name, email, tags: [name] }, { stream: `User/${key}` })
const apply = (copy: Pick<Replica, 'applyMany'>, ...events: LoggedEvent[]) =>
  db.transaction((tx) => copy.applyMany(tx, events))
const rowsOf = async (table: string) => (await db.query(`select * from ${table} order by 1`)).rows

describe('a copy of which only the owner decides', () => {
  test('takes the newest version whatever the order, and drops duplicates', async () => {
    const { copy, table } = await userCopy()

    await apply(copy, saved(2, 'Ada L.'))
    await apply(copy, saved(1, 'Ada'), saved(2, 'Ada L.'))
    await apply(copy, event('EmailChanged', 3, { userId: '1', email: 'ada@b.org' }))

    expect(await rowsOf(table)).toEqual([
      { id: '1', name: 'Ada L.', 'e-mail': 'ada@b.org', tags: ['Ada L.'], gone: null },
    ])
  })

  test('is what the model says after any order, duplication and batching, for every delete behaviour', async () => {
    const steps = fc.array(
      fc.record({
        key: fc.constantFrom('1', '2', "o'brien", '漢'),
        kind: fc.constantFrom('UserSaved', 'UserSaved', 'EmailChanged', 'EmailChanged', 'UserDeleted', 'erase'),
        text: fc.constantFrom('a', 'b', 'c"\'\\', ''),
      }),
      { minLength: 1, maxLength: 12 },
    )
    const told = steps.chain((list) => {
      const versions = new Map<string, number>()
      const events = list.map(({ key, kind, text }) => {
        const version = (versions.get(key) ?? 0) + 1
        versions.set(key, version)
        const isEmptied = kind === 'erase' && text !== ''
        const data = { id: key, userId: key, name: text, email: text, tags: [text] }
        const kept = kind === 'EmailChanged' ? { userId: key, email: text } : data
        // An erasure empties earlier events too, and these keep their types.
        const of = isEmptied ? ({ op: 'erase', type: text === 'a' ? 'UserDeleted' : 'UserSaved' } as const) : {}
        return event(kind, version, kind === 'erase' ? null : kept, { stream: `User/${key}`, ...of })
      })
      return fc.record({
        events: fc.constant(events),
        again: fc
          .shuffledSubarray([...events, ...events], { minLength: events.length })
          .map((some) => [...some, ...events.filter((each) => !some.includes(each))]),
        size: fc.integer({ min: 1, max: 6 }),
        onDelete: fc.constantFrom('cascade', 'tombstone', 'keep' as const),
      })
    })
    await fc.assert(
      fc.asyncProperty(told, async ({ events, again, size, onDelete }) => {
        const { copy, table } = await userCopy({ onDelete: onDelete as 'keep' })
        for (let start = 0; start < again.length; start += size) await apply(copy, ...again.slice(start, start + size))

        expect(await rowsOf(table)).toEqual(expected(copy.declaration, events))
        await db.query(`drop table ${table}`)
      }),
      { numRuns: 30 },
    )
  })

  /** The rows by the pure model. */
  function expected(declaration: Replica['declaration'], events: readonly LoggedEvent[]) {
    const rules = { ...declaration, owner: 'user', required: new Set(['name']) }
    const states = collapse(
      events.flatMap((each) => changeOf(each, declaration) ?? []),
      declaration.keep,
    )
    return [...states].flatMap(([id, state]) => {
      const { isPresent, fields } = viewOf(state, rules)
      const value = (field: string) => fields.get(field)?.value ?? null
      if (!isPresent) return []
      return [{ id, name: value('name'), 'e-mail': value('email'), tags: value('tags'), gone: null }]
    })
  }

  test('two transactions that apply the same new key at once end with the newer', async () => {
    const { copy, table } = await userCopy()
    await copy.prepare(db)

    await Promise.all([9, 3, 7, 5].map((version) => apply(copy, saved(version, `v${version}`))))

    expect(await rowsOf(table)).toMatchObject([{ name: 'v9' }])
  })

  test('a batch larger than one statement is applied whole', async () => {
    const { copy, table } = await userCopy()
    const many = Array.from({ length: 2_500 }, (_, n) => saved(1, 'n', null, String(n)))

    await apply(copy, ...many)

    expect((await db.query<{ n: string }>(`select count(*) as n from ${table}`)).rows[0]?.n).toBe('2500')
  })

  test('a replay into tables that were analyzed while small does not read them whole for every row', async () => {
    const { connect } = await freshDatabase()
    const [one, db] = [await connect({ max: 1 }), await connect()]
    await migrate(one, [replicaMigrations])
    await one.query('create table user_copy(id text primary key, name text not null, email text, tags jsonb)')
    const options = { keep: ['name', 'email', 'tags'], conflict: all, from, freshWithin: seconds(5) } as const
    const copy = replica(User, options)
    const few = Array.from({ length: 20 }, (_, n) => saved(1, 'n', null, `few ${n}`))
    await one.transaction((tx) => copy.applyMany(tx, few))
    await one.query('analyze selvedge.replica_row, user_copy')
    // Enough for the server to settle on its plans while reading a table whole is the cheapest way.
    for (let n = 0; n < 8; n++)
      await one.transaction((tx) =>
        copy.applyMany(tx, [saved(n + 1, 'n'), event('UserDeleted', n + 9, { userId: '2' })]),
      )

    for (let n = 0; n < 8; n++) {
      const many = Array.from({ length: 250 }, (_, m) => saved(1, 'n', null, `${n}.${m}`))
      await one.transaction((tx) => copy.applyMany(tx, [...many, event('UserDeleted', n + 90, { userId: '3' })]))
    }

    // A session tells the server what it read, at the latest when it ends.
    await one.close()
    const counts = async () => {
      const { rows } = await db.query<{ inserted: number; read: number }>(
        `select sum(n_tup_ins)::int as inserted, sum(seq_tup_read)::int as read from pg_stat_user_tables
         where relname in ('replica_row', 'user_copy')`,
      )
      // 2,020 copies and the state of each.
      return (rows[0]?.inserted ?? 0) >= 4_040 ? rows[0] : undefined
    }
    const counted = await waitFor(counts, { within: 10_000, what: 'what the session read' })
    expect(counted.read).toBeLessThan(2_000)
  })

  test('a row without a required column is held back as a finding, and shown when the column is known', async () => {
    const { copy, table } = await userCopy()

    await apply(copy, event('EmailChanged', 2, { userId: '1', email: 'new@b.org' }))
    expect(await rowsOf(table)).toEqual([])
    expect(await copy.findings(db)).toMatchObject([{ kind: 'incomplete', key: '1', version: 2 }])
    await apply(copy, saved(1, 'Ada', 'old@b.org'))

    expect(await rowsOf(table)).toMatchObject([{ name: 'Ada', 'e-mail': 'new@b.org' }])
    expect(await copy.findings(db)).toEqual([])
  })

  test('a table that cannot hold the copy is refused with what is wrong', async () => {
    const nowhere = replica(User, {
      keep: ['name'],
      conflict: { name: ownerWins },
      from,
      freshWithin: seconds(5),
      table: 'nowhere',
    })
    await db.query('create table keyless(id text, name text)')

    await expect(nowhere.prepare(db)).rejects.toMatchObject({ code: 'replica/no-table' })
    const keyless = replica(User, {
      keep: ['name'],
      conflict: { name: ownerWins },
      from,
      freshWithin: seconds(5),
      table: 'keyless',
    })
    await expect(keyless.prepare(db)).rejects.toMatchObject({ code: 'replica/no-unique-key' })
    const { copy } = await userCopy({ columns: { email: 'mail' } })
    await expect(copy.prepare(db)).rejects.toMatchObject({ code: 'replica/no-column', values: { column: 'mail' } })
  })
})

describe('a deletion at the owner', () => {
  const deleted = (version: number) => event('UserDeleted', version, { userId: '1' })

  test('cascade removes the copy and its dependants, and a late message brings neither back', async () => {
    await db.query('create table order_1(id int, user_id text)')
    await db.query("insert into order_1 values (1, '1'), (2, '2')")
    const { copy, table } = await userCopy({
      onDelete: 'cascade',
      dependants: [{ table: 'order_1', column: 'user_id' }],
    })

    await apply(copy, saved(1, 'Ada'), saved(1, 'Bob', null, '2'))
    await apply(copy, deleted(3))
    await apply(copy, saved(2, 'Ada, late'))

    expect(await rowsOf(table)).toMatchObject([{ id: '2' }])
    expect(await rowsOf('order_1')).toEqual([{ id: 2, user_id: '2' }])
    await apply(copy, saved(4, 'Ada again'))
    expect(await rowsOf(table)).toMatchObject([{ name: 'Ada again' }, { id: '2' }])
  })

  test('nullify removes the copy and lets the dependants go', async () => {
    await db.query('create table order_2(id int, user_id text)')
    await db.query("insert into order_2 values (1, '1')")
    const { copy, table } = await userCopy({
      onDelete: 'nullify',
      dependants: [{ table: 'order_2', column: 'user_id' }],
    })

    await apply(copy, saved(1, 'Ada'), deleted(2))

    expect(await rowsOf(table)).toEqual([])
    expect(await rowsOf('order_2')).toEqual([{ id: 1, user_id: null }])
  })

  test('tombstone keeps the last values, flagged', async () => {
    const { copy, table } = await userCopy({ onDelete: 'tombstone', tombstoneColumn: 'gone' })

    await apply(copy, saved(1, 'Ada'), saved(1, 'Bob', null, '2'))
    await apply(copy, deleted(2))

    expect(await rowsOf(table)).toMatchObject([
      { name: 'Ada', gone: true },
      { name: 'Bob', gone: false },
    ])
    expect((await copy.get(db, '1'))?.freshness).toMatchObject({ state: 'tombstone', version: 2 })
  })

  test('keep is a finding until a person resolves it, and a removed row stays removed', async () => {
    const { copy, table } = await userCopy({ onDelete: 'keep' })
    await apply(copy, saved(1, 'Ada'), deleted(2))

    expect(await copy.findings(db)).toMatchObject([{ kind: 'ownerDeleted', key: '1', version: 2 }])
    const resolve = (tx: Transaction) => copy.resolve(tx, '1', { action: 'remove', by: 'grace', reason: 'asked for' })
    expect(await db.transaction(resolve)).toBe(true)
    expect(await db.transaction(resolve)).toBe(false)
    await apply(copy, deleted(2), saved(1, 'Ada'))

    expect(await copy.findings(db)).toEqual([])
    expect(await rowsOf(table)).toEqual([])
  })
})

describe('rows that did not come as events', () => {
  const row = (version: number, name: string, key = '1') => ({
    key,
    version,
    data: { id: key, name, email: null, tags: [] },
  })

  test('adopted rows give way to the owner’s next word, and differences are reported and logged', async () => {
    const { copy, table } = await userCopy()
    await db.query(`insert into ${table} values ('1', 'Ada (ours)', null, '[]'), ('2', 'Bob', null, '[]')`)

    const adoption = await db.transaction((tx) => copy.adopt(tx, [row(4, 'Ada'), row(2, 'Bob', '2')]))
    await apply(copy, event('EmailChanged', 5, { userId: '1', email: 'ada@b.org' }))

    expect(adoption).toEqual({
      adopted: 2,
      differences: [{ key: '1', field: 'name', ours: 'Ada (ours)', owners: 'Ada' }],
      differenceCount: 1,
    })
    expect(await rowsOf(table)).toMatchObject([{ name: 'Ada (ours)', 'e-mail': 'ada@b.org' }, { name: 'Bob' }])
    await db.transaction((tx) => copy.applySnapshot(tx, [row(4, 'Ada')]))
    expect(await rowsOf(table)).toMatchObject([{ name: 'Ada', 'e-mail': 'ada@b.org' }, { name: 'Bob' }])
    expect(await copy.conflicts(db)).toMatchObject([{ key: '1', field: 'name', value: 'Ada (ours)', policy: 'adopt' }])
    expect(await db.transaction((tx) => copy.adopt(tx))).toMatchObject({ adopted: 0 })
  })

  test('a snapshot and the stream commute: the larger version stands', async () => {
    const { copy, table } = await userCopy({ onDelete: 'cascade' })
    const deleted = event('UserDeleted', 6, { userId: '2' }, { stream: 'User/2' })

    await apply(copy, saved(7, 'newer'), deleted)
    await db.transaction((tx) => copy.applySnapshot(tx, [row(5, 'older'), row(5, 'gone', '2'), row(1, 'new', '3')]))

    expect(await rowsOf(table)).toMatchObject([
      { id: '1', name: 'newer' },
      { id: '3', name: 'new' },
    ])
  })

  test('a refresh deletes what the owner no longer has, and spares what came while it ran', async () => {
    const { copy, table } = await userCopy({ onDelete: 'cascade' })
    await apply(copy, saved(1, 'stays'), saved(2, 'goes', null, '2'))

    const refresh = await db.transaction((tx) => copy.beginRefresh(tx))
    await apply(copy, { ...saved(1, 'came', null, '3'), tick: 9 })
    await db.transaction((tx) => copy.applySnapshot(tx, [row(1, 'stays')], { refresh }))
    const gone = await db.transaction((tx) => copy.finishRefresh(tx, refresh))

    expect(gone).toBe(1)
    expect(await rowsOf(table)).toMatchObject([{ name: 'stays' }, { name: 'came' }])
    await apply(copy, saved(2, 'goes', null, '2'))
    expect(await rowsOf(table)).toHaveLength(2)
    await apply(copy, saved(4, 'is back', null, '2'))
    expect(await rowsOf(table)).toHaveLength(3)
  })

  test('a consumer that needs a snapshot reads the owner’s rows page by page', async () => {
    const { copy, table } = await userCopy({ onDelete: 'cascade' })
    await apply(copy, saved(3, 'deleted meanwhile', null, '0'))
    const rows = ['1', '2', '3', '4', '5'].map((key) => row(1, `n${key}`, key))
    const [consumer] = copy.consumers(db)

    await consumer?.fromSnapshot?.(async (entity, after) =>
      rows.filter(({ key }) => entity === 'User' && key > (after ?? '')).slice(0, 2),
    )

    expect((await rowsOf(table)).map(({ name }) => name)).toEqual(['n1', 'n2', 'n3', 'n4', 'n5'])
  })

  test('a field that is kept from now on does not shift the versions of the others', async () => {
    const { copy, table } = await userCopy({ name: 'growing' })
    const options = { from, freshWithin: seconds(5), table, columns: { email: 'e-mail' }, name: 'growing' } as const
    const narrow = replica(User, { keep: ['email'], conflict: { email: ownerWins }, ...options })
    await db.query(`alter table ${table} alter name drop not null`)
    await apply(narrow, saved(3, 'Ada', 'new@b.org'))

    await apply(copy, saved(2, 'Ada', 'old@b.org'))

    expect(await rowsOf(table)).toMatchObject([{ name: 'Ada', 'e-mail': 'new@b.org' }])
  })
})

describe('an erasure', () => {
  const erase = (version: number) => event('erase', version, null)

  test('nulls what it can, and older messages do not bring it back', async () => {
    const { copy, table } = await userCopy({ name: 'erasing' })
    await db.query(`alter table ${table} alter name drop not null`)

    await apply(copy, saved(1, 'Ada', 'ada@b.org'), erase(3))
    await apply(copy, saved(2, 'Ada', 'ada@b.org'))

    expect(await rowsOf(table)).toEqual([{ id: '1', name: null, 'e-mail': null, tags: null, gone: null }])
  })

  test('removes a row that cannot be without its personal data, and what was held back or logged of it', async () => {
    const { copy, table } = await userCopy({ name: 'erased' })
    await db.query(`insert into ${table} values ('1', 'Ada (ours)', 'ada@b.org', '[]')`)
    const owners = { key: '1', version: 1, data: { id: '1', name: 'Ada', email: 'ada@b.org', tags: [] } }
    await db.transaction((tx) => copy.adopt(tx, [owners]))
    await apply(copy, event('EmailChanged', 2, { userId: '2', email: 'held@b.org' }, { stream: 'User/2' }))

    await apply(copy, saved(1, 'Ada'), erase(2), event('erase', 3, null, { stream: 'User/2' }))

    expect(await rowsOf(table)).toEqual([])
    expect(await copy.conflicts(db)).toEqual([])
    const left = await db.query("select value from selvedge.replica_candidate where replica = 'erased'")
    expect(left.rows.every(({ value }) => value === null)).toBe(true)
  })
})

describe('freshness', () => {
  test('is zero behind while the owner was heard in time, and honest once it was not', async () => {
    const { copy } = await userCopy()
    await apply(copy, saved(4, 'Ada', 'ada@b.org'))
    const now = Date.now()

    expect((await copy.get(db, '1'))?.freshness.behind.milliseconds).toBeGreaterThan(seconds(5).milliseconds)
    copy.heard(new Date(now))
    expect(await copy.get(db, '1')).toEqual({
      ...{ name: 'Ada', email: 'ada@b.org', tags: ['Ada'] },
      freshness: { version: 4, asOf: new Date(now), behind: { milliseconds: 0 }, state: 'live' },
    })
    copy.heard(new Date(now - 60_000))
    expect((await copy.get(db, '1'))?.freshness.behind.milliseconds).toBeGreaterThanOrEqual(60_000)
    expect(await copy.get(db, 'nobody')).toBeUndefined()
  })

  test('is read from the consumer’s own tables, position and parked events included', async () => {
    const { copy } = await userCopy({ consumer: 'profile' })
    await apply(copy, saved(1, 'Ada'), saved(1, 'Bob', null, '2'))
    await db.query(`insert into selvedge.position(consumer, source, lane, n, epoch, tick, previous, seq_hi, floor_seq, fence)
      values ('profile', 'user', 0, 1, 1, 1, '1:1:', 0, 0, 0)`)
    await db.query(`insert into selvedge.parked_stream(consumer, source, stream, lane, state, attempts, next_try, error)
      values ('profile', 'user', 'User/1', 0, 'parked', 1, now(), '{}')`)
    await db.query(`insert into selvedge.parked_event(consumer, source, stream, version, event, at)
      values ('profile', 'user', 'User/1', 2, '{}', now() - interval '90 s')`)

    const copies = await copy.getMany(db, ['1', '2'])

    expect(copies.get('1')?.freshness.behind.milliseconds).toBeGreaterThanOrEqual(90_000)
    expect(copies.get('2')?.freshness.behind.milliseconds).toBe(0)
  })
})
