import { describe, expect, it } from 'vitest'
import { seconds, signal } from '../base/base.ts'
import type { OwnerLog } from '../log/reader.ts'
import type { Message, Packet, Punctuation } from '../transport/transport.ts'
import { drawPlan, type PlanOptions } from './plan.ts'
import { logOver } from './simulated-log.ts'
import { simulatedTransport } from './simulated-transport.ts'
import { simulatedWorld } from './world.ts'

const message = (version: number): Message => ({
  ...{ kind: 'message', source: 'user', epoch: 1, tick: version, seq: version, lane: 0, stream: 'User/1', version },
  ...{
    id: `${version}`,
    type: 'UserRegistered',
    schemaVersion: 1,
    op: 'event',
    at: '2026-03-02T08:00:00Z',
    data: '{}',
  },
})
const punctuation: Punctuation = {
  ...{ kind: 'punctuation', source: 'user', epoch: 1, lane: 0, fromTick: 0, toTick: 9, count: 2 },
}

function setting(options: Partial<PlanOptions> = {}, heeds?: () => boolean) {
  const services = ['user', 'course', 'progress']
  const world = simulatedWorld<Packet>(
    drawPlan({ seed: 1, actions: 100, services, bound: seconds(5), kinds: [], ...options }),
  )
  const transport = simulatedTransport(world.channel, heeds === undefined ? {} : { heeds })
  const seen: string[] = []
  const handlerOf = (name: string) => async (packets: readonly Packet[]) => {
    seen.push(...packets.map((packet) => `${name} ${packet.kind === 'message' ? packet.version : packet.kind}`))
  }
  const deliver = () => world.channel.deliverDue(({ to, message, from }) => transport.deliver(to, message, from))
  return { world, transport, seen, handlerOf, deliver }
}

describe('a transport on the lossy channel', () => {
  it('brings packets of a source to every consumer of a service that subscribed to it, until it stops', async () => {
    const { transport, seen, handlerOf, deliver } = setting()
    const names = await transport.source('user', 'course').subscribe('names', handlerOf('names'))
    await transport.source('user', 'course').subscribe('emails', handlerOf('emails'))
    await transport.source('user').subscribe('progress', handlerOf('progress'))
    await transport.source('course', 'progress').subscribe('wrong', handlerOf('wrong'))
    await transport.source('user').send([message(1), punctuation])
    expect(await deliver()).toBe(4)
    await names.stop()
    await transport.source('user').send([message(2)])
    await deliver()
    const first = ['names 1', 'emails 1', 'progress 1']
    const second = ['names punctuation', 'emails punctuation', 'progress punctuation']
    expect(seen).toEqual([...first, ...second, 'emails 2', 'progress 2'])
  })

  it('refuses what is sent to a service that is down, although its consumers have stopped', async () => {
    const { world, transport, seen, handlerOf, deliver } = setting()
    const subscription = await transport.source('user', 'course').subscribe('names', handlerOf('names'))
    await subscription.stop()
    world.network.stop('course')
    await transport.source('user').send([message(1)])
    world.network.start('course')
    await deliver()
    expect([seen, world.channel.counts.refused]).toEqual([[], 1])
  })

  it('tells one consumer although another rejects, and passes the error on', async () => {
    const { transport, seen, handlerOf, deliver } = setting()
    await transport.source('user', 'course').subscribe('bad', () => Promise.reject(new Error('bad')))
    await transport.source('user', 'course').subscribe('good', handlerOf('good'))
    await transport.source('user').send([message(1)])
    await expect(deliver()).rejects.toThrow('bad')
    expect(seen).toEqual(['good 1'])
  })

  it.each([
    ['hits events, and counts no punctuation as a hit', undefined, 30],
    ['brings events that a service does not heed without hitting them', () => false, 0],
  ] as const)('%s', async (_, heeds, atLeast) => {
    const { world, transport, seen, handlerOf, deliver } = setting({ kinds: ['lost'], counts: { lost: 100 } }, heeds)
    await transport.source('user', 'course').subscribe('names', handlerOf('names'))
    for (let action = 0; action < 100; action++) {
      world.channel.beginAction(action)
      await transport.source('user').send([punctuation, message(action + 1)])
    }
    await deliver()
    const [lost] = world.tally.counts(world.plan)
    if (atLeast > 0) expect(lost!.hit).toBeGreaterThan(atLeast)
    else expect([lost!.hit, seen.length]).toEqual([0, 200])
  })

  it('lets a relay feel the death of its process', async () => {
    const { world, transport, handlerOf } = setting()
    await transport.source('user', 'course').subscribe('names', handlerOf('names'))
    world.network.armCrash('user')
    await transport.source('user').send([punctuation])
    await expect(transport.source('user').send([message(1)])).rejects.toMatchObject({ code: 'simulate/crashed' })
  })
})

describe('a log over the network', () => {
  it('is read like the log itself, and not while its owner is cut off', async () => {
    const { world } = setting()
    const reads: string[] = []
    const nothing = async () => []
    const log = {
      ...{ source: 'user', woken: signal(), register: nothing, batch: nothing, gap: nothing, backfill: nothing },
      ...{ acknowledge: nothing, start: nothing, stop: nothing },
    } as unknown as OwnerLog
    const over = logOver({ network: world.network, reader: 'course', onRead: (what) => reads.push(what) }, log)
    expect(await over.gap('names', 'User/1', 0, 10)).toEqual([])
    world.network.partition('user')
    await expect(over.gap('names', 'User/1', 0, 10)).rejects.toMatchObject({ code: 'simulate/unreachable' })
    await expect(over.backfill('names', 'User', undefined, 10)).rejects.toMatchObject({ code: 'simulate/unreachable' })
    await over.start()
    expect(reads).toEqual(['gap'])
  })
})
