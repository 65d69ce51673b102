import { describe, expect, it } from 'vitest'
import { seconds } from '../base/base.ts'
import type { Message, Packet, Punctuation } from '../transport/transport.ts'
import { drawPlan, type PlanOptions } from './plan.ts'
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

function setting(options: Partial<PlanOptions> = {}) {
  const services = ['user', 'course', 'progress']
  const world = simulatedWorld<Packet>(
    drawPlan({ seed: 1, actions: 100, services, bound: seconds(5), kinds: [], ...options }),
  )
  const transport = simulatedTransport(world.channel)
  const seen: string[] = []
  const handlerOf = (name: string) => async (packets: readonly Packet[]) => {
    seen.push(...packets.map((packet) => `${name} ${packet.kind === 'message' ? packet.version : packet.kind}`))
  }
  const deliver = () => world.channel.deliverDue(({ to, message, from }) => transport.deliver(to, message, from))
  return { world, transport, seen, handlerOf, deliver }
}

describe('a transport on the lossy channel', () => {
  it('brings packets of a source to the handlers that subscribed to it, until they stop', async () => {
    const { transport, seen, handlerOf, deliver } = setting()
    const course = await transport.source('user').subscribe('course', handlerOf('course'))
    await transport.source('user').subscribe('progress', handlerOf('progress'))
    await transport.source('course').subscribe('progress', handlerOf('wrong'))
    await transport.source('user').send([message(1), punctuation])
    await deliver()
    await course.stop()
    await transport.source('user').send([message(2)])
    await deliver()
    const both = ['course 1', 'progress 1', 'course punctuation', 'progress punctuation']
    expect(seen).toEqual([...both, 'progress 2'])
  })

  it('hits events and never punctuation', async () => {
    const { world, transport, seen, handlerOf, deliver } = setting({ kinds: ['lost'], counts: { lost: 100 } })
    await transport.source('user').subscribe('course', handlerOf('course'))
    for (let action = 0; action < 100; action++) {
      world.channel.beginAction(action)
      await transport.source('user').send([punctuation, message(action + 1)])
    }
    await deliver()
    const [lost] = world.tally.counts(world.plan)
    expect(seen.filter((text) => text.endsWith('punctuation'))).toHaveLength(100)
    expect(lost!.hit).toBe(100 - (seen.length - 100))
    expect(lost!.hit).toBeGreaterThan(30)
  })

  it('lets a relay feel the death of its process', async () => {
    const { world, transport } = setting()
    world.network.armCrash('user')
    await transport.source('user').send([punctuation])
    await expect(transport.source('user').send([message(1)])).rejects.toMatchObject({ code: 'simulate/crashed' })
  })
})
