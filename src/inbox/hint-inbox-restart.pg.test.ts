/** What a restarted reader may conclude from the first punctuation it hears: nothing about what came before. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { systemScheduler, transient } from '../base/base.ts'
import { service } from '../contract/contract.ts'
import { Membership } from '../log/membership.ts'
import { type OwnerLog, SqlOwnerLog } from '../log/reader.ts'
import { publish } from '../outbox/outbox.ts'
import { defineService } from '../service/service.ts'
import type { Database } from '../store/store.ts'
import type { Punctuation } from '../transport/transport.ts'
import { HintInbox } from './hint-inbox.ts'
import { consumer, on } from './inbox.ts'

const user = service('user')
const Renamed = user.event('Renamed', {
  schemaVersion: 1,
  schema: z.object({ userId: z.string() }),
  key: (data) => data.userId,
})

test('a punctuation heard before the log was read moves no lane over what was never read', async () => {
  const [ownerDatabase, readerDatabase] = [await freshDatabase(), await freshDatabase()]
  const [owner, reader] = [await ownerDatabase.connect(), await readerDatabase.connect()]
  const scheduler = systemScheduler()
  const ownerService = defineService({ contract: user, database: owner, scheduler })
  const readerService = defineService({ contract: service('progress'), database: reader, scheduler })
  await ownerService.start()
  await readerService.start()
  await reader.query('create table seen (user_id text)')
  const members = new Membership(reader, scheduler)
  await members.start()
  const away = { isAway: true }
  const seen = consumer('seen', {
    from: user,
    handlers: [
      on(Renamed, async (tx, { data }) => void (await tx.query('insert into seen values ($1)', [data.userId]))),
    ],
  })
  const log = reachable(new SqlOwnerLog('user', owner), away)
  const inbox = new HintInbox({ database: reader, log, members, consumer: seen }, { service: 'progress' })

  await owner.transaction((tx) => publish(tx, Renamed, { userId: 'ada' }))
  const before = await newTick(owner)
  await inbox.catchUp().catch(() => undefined)
  for (const punctuation of quietSince(before, await newTick(owner))) await inbox.take([punctuation])
  away.isAway = false
  await inbox.catchUp()
  await inbox.catchUp()

  expect((await reader.query('select user_id from seen')).rows).toEqual([{ user_id: 'ada' }])
  await inbox.stop()
  await members.stop()
  await readerService.stop()
  await ownerService.stop()
  await scheduler.stop()
})

/** The owner knows this reader, and is then away: what it has must be read later. */
function reachable(log: SqlOwnerLog, away: { readonly isAway: boolean }): OwnerLog {
  return Object.assign(Object.create(log) as OwnerLog, {
    source: log.source,
    woken: log.woken,
    register: log.register.bind(log),
    acknowledge: log.acknowledge.bind(log),
    gap: log.gap.bind(log),
    batch: async (...asked: Parameters<OwnerLog['batch']>) => {
      if (away.isAway) throw transient('test/away', 'The owner is away.', 'Wait for it.')
      return log.batch(...asked)
    },
  })
}

type Cut = NonNullable<Punctuation['cut']>

async function newTick(owner: Database): Promise<Cut> {
  const { rows } = await owner.query<{ id: string; snapshot: string; seq_hi: string; floor_seq: string }>(
    'select id, snapshot, seq_hi, floor_seq from selvedge.tick(false)',
  )
  const row = rows[0]!
  return { tick: Number(row.id), snapshot: row.snapshot, seqHi: Number(row.seq_hi), floorSeq: Number(row.floor_seq) }
}

/** "Nothing happened in this lane between the two", for each lane. */
function quietSince(from: Cut, to: Cut): Punctuation[] {
  return Array.from({ length: 8 }, (_, lane) => ({
    kind: 'punctuation',
    source: 'user',
    epoch: 1,
    lane,
    fromTick: from.tick,
    toTick: to.tick,
    count: 0,
    cut: to,
  }))
}
