import { expect, test } from 'vitest'
import { z } from 'zod'
import { freshDatabase } from '../../test/support/database.ts'
import { systemScheduler } from '../base/base.ts'
import { service } from '../contract/contract.ts'
import { LaneLoop } from '../log/lane-loop.ts'
import { Membership } from '../log/membership.ts'
import { logMigrations } from '../log/migrations.ts'
import { SqlOwnerLog } from '../log/reader.ts'
import { migrate } from '../store/migrate.ts'
import type { Database } from '../store/store.ts'
import type { Channel, Message, Packet, Punctuation } from '../transport/transport.ts'
import { publish } from './outbox.ts'
import { ChannelEffect } from './relay.ts'

const shop = service('shop')
const Sold = shop.event('Sold', { schemaVersion: 1, schema: z.object({ id: z.string() }), key: (data) => data.id })

/** A channel that keeps what it took; `refuses` says which packets it does not take. */
function keeping(refuses: (packets: readonly Packet[]) => boolean): {
  readonly channel: Channel
  readonly kept: Packet[]
} {
  const kept: Packet[] = []
  const send = async (packets: readonly Packet[]): Promise<void> => {
    if (refuses(packets)) throw new Error('the broker refused')
    kept.push(...packets)
  }
  const channel: Channel = { send, subscribe: () => Promise.reject(new Error('unused')), close: async () => undefined }
  return { channel, kept }
}

/** One tick of twenty events, relayed in batches of five. */
async function relayed(
  db: Database,
  rounds: (loop: () => LaneLoop, refuse: { next: boolean }) => Promise<void>,
): Promise<Packet[]> {
  await migrate(db, [logMigrations])
  await db.transaction(async (tx) => {
    for (let n = 0; n < 20; n++) await publish(tx, Sold, { id: `s${n}` })
  })
  await db.query('select selvedge.tick()')
  const refuse = { next: false }
  const { channel, kept } = keeping((packets) => refuse.next && packets[0]?.kind === 'message' && kept.length >= 5)
  const scheduler = systemScheduler()
  const members = new Membership(db, scheduler)
  await members.start()
  const loop = (): LaneLoop =>
    new LaneLoop(
      { database: db, log: new SqlOwnerLog('shop', db), members, effect: new ChannelEffect(db, channel, 'shop') },
      { consumer: 'relay', service: 'shop', batchEvents: 5, pollMs: 0 },
    )
  await rounds(loop, refuse)
  await members.stop()
  await scheduler.stop()
  return kept
}

/** What a lane's punctuation says beside what was really sent in its stretch. */
function miscounted(packets: readonly Packet[]): readonly Punctuation[] {
  const messages = packets.filter((packet): packet is Message => packet.kind === 'message')
  const sent = new Map(messages.map((message) => [`${message.stream} ${message.version}`, message]))
  const within = (p: Punctuation, m: Message): boolean => m.lane === p.lane && m.tick > p.fromTick && m.tick <= p.toTick
  return packets
    .filter((packet): packet is Punctuation => packet.kind === 'punctuation')
    .filter((p) => p.count !== [...sent.values()].filter((m) => within(p, m)).length)
}

test('a batch that the channel rejected is counted with the batches before it in its stretch', async () => {
  const db = await (await freshDatabase()).connect()
  const packets = await relayed(db, async (loop, refuse) => {
    const one = loop()
    refuse.next = true
    await expect(one.round()).rejects.toThrow('the broker refused')
    refuse.next = false
    for (let n = 0; n < 3; n++) await one.round()
    await one.stop()
  })
  expect(packets.filter((packet) => packet.kind === 'message')).toHaveLength(20)
  expect(packets.some((packet) => packet.kind === 'punctuation' && packet.count > 0)).toBe(true)
  expect(miscounted(packets)).toEqual([])
})

test('a relay that goes on inside a tick says nothing of the stretch that it did not send whole', async () => {
  const db = await (await freshDatabase()).connect()
  const packets = await relayed(db, async (loop, refuse) => {
    const one = loop()
    refuse.next = true
    await expect(one.round()).rejects.toThrow('the broker refused')
    await one.stop()
    refuse.next = false
    const two = loop()
    await two.round()
    await two.round()
    await two.stop()
  })
  expect(new Set(packets.flatMap((packet) => (packet.kind === 'message' ? [packet.stream] : []))).size).toBe(20)
  expect(miscounted(packets)).toEqual([])
})
