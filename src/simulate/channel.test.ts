import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seconds } from '../base/base.ts'
import { type Delivery, type Envelope, LossyChannel } from './channel.ts'
import type { Fault, FaultKind } from './fault.ts'
import { isCrash, Network } from './network.ts'
import { drawPlan, type Plan } from './plan.ts'
import { faultTable, Tally } from './tally.ts'

const services = ['user', 'course', 'progress']

function planOf(faults: readonly Fault[], actions = 100): Plan {
  const drawn = drawPlan({ seed: 1, actions, services, bound: seconds(10), kinds: [] })
  return { ...drawn, kinds: [...new Set(faults.map((fault) => fault.kind))], faults }
}

function channelOf(plan: Plan) {
  const network = new Network()
  const tally = new Tally()
  const channel = new LossyChannel<number>(plan, network, tally)
  const seen: string[] = []
  const receive = async ({ to, message }: Delivery<number>) => {
    seen.push(`${message.id}>${to}`)
  }
  const hits = (kind: FaultKind) => tally.counts(plan).find((count) => count.kind === kind)?.hit
  return { network, channel, seen, receive, hits, pump: () => channel.deliverDue(receive) }
}

const change = (id: string, more: Partial<Envelope<number>> = {}): Envelope<number> => ({
  ...{ id, about: 'UserRegistered', stream: 'User/1', carriesChange: true, payload: 0 },
  ...more,
})
const fault = (kind: 'lost' | 'duplicated' | 'reordered' | 'delayed', more: object = {}): Fault => ({
  ...{ kind, at: 0, ordinal: 0 },
  ...more,
})

describe('a channel without faults', () => {
  it('delivers each message once to each subscriber, in the order of sending', async () => {
    const { channel, seen, pump } = channelOf(planOf([]))
    for (const service of ['course', 'progress', 'course']) channel.subscribe(service, 'user-events')
    expect(channel.publish('user', 'user-events', change('a'))).toEqual({
      accepted: ['course', 'progress'],
      refused: [],
    })
    channel.send('user', 'progress', change('b'))
    channel.publish('user', 'nobody-listens', change('c'))
    await pump()
    expect(seen).toEqual(['a>course', 'a>progress', 'b>progress'])
    expect(channel.counts).toEqual({ sent: 3, refused: 0, lost: 0, duplicated: 0, delivered: 3 })
  })

  it('delivers what is sent while it delivers', async () => {
    const { channel } = channelOf(planOf([]))
    const seen: string[] = []
    channel.send('user', 'course', change('question'))
    await channel.deliverDue(async ({ message }) => {
      seen.push(message.id)
      if (message.id === 'question') channel.send('course', 'user', change('answer'))
    })
    expect(seen).toEqual(['question', 'answer'])
  })

  it('keeps what follows when a receiver throws', async () => {
    const { channel, seen, pump } = channelOf(planOf([]))
    channel.send('user', 'course', change('a'))
    channel.send('user', 'course', change('b'))
    await expect(channel.deliverDue(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await pump()
    expect(seen).toEqual(['b>course'])
  })
})

describe('a fault', () => {
  it('of loss takes the delivery, and no message without a change', async () => {
    const { channel, seen, pump, hits } = channelOf(planOf([fault('lost')]))
    channel.send('user', 'course', change('tick', { carriesChange: false }))
    for (const id of ['a', 'b']) channel.send('user', 'course', change(id))
    await pump()
    expect(seen).toEqual(['tick>course', 'b>course'])
    expect(hits('lost')).toBe(1)
  })

  it('of loss takes the next word about it too, once', async () => {
    const { channel, seen, pump, hits } = channelOf(planOf([fault('lost')]))
    const word = (id: string) => channel.send('user', 'course', change(id, { carriesChange: false, stream: 'lane/0' }))
    channel.send('user', 'course', change('a'))
    for (const id of ['first', 'second']) word(id)
    await pump()
    expect([seen, hits('lost'), channel.counts.lost]).toEqual([['second>course'], 1, 2])
  })

  it('of a tail takes the rest of the stream to this receiver, until the faults end', async () => {
    const { channel, seen, pump } = channelOf(planOf([fault('lost', { tail: true })]))
    for (const id of ['a', 'b']) channel.send('user', 'course', change(id))
    channel.send('user', 'course', change('other', { stream: 'User/2' }))
    channel.send('user', 'progress', change('b'))
    channel.endFaults()
    channel.send('user', 'course', change('c'))
    await pump()
    expect(seen).toEqual(['other>course', 'b>progress', 'c>course'])
  })

  it('of duplication delivers at once and again later', async () => {
    const { channel, seen, pump, hits } = channelOf(planOf([fault('duplicated', { afterActions: 3 })]))
    channel.send('user', 'course', change('a'))
    await pump()
    channel.send('user', 'course', change('b'))
    for (const action of [1, 2, 3]) {
      channel.beginAction(action)
      await pump()
    }
    expect(seen).toEqual(['a>course', 'b>course', 'a>course'])
    expect(hits('duplicated')).toBe(1)
  })

  it('of order lets the next message of the stream overtake, and counts only then', async () => {
    const { channel, seen, pump, hits } = channelOf(planOf([fault('reordered', { afterActions: 50 })]))
    channel.send('user', 'course', change('a'))
    await pump()
    expect([seen, hits('reordered')]).toEqual([[], 0])
    channel.send('user', 'course', change('other', { stream: 'User/2', carriesChange: false }))
    for (const id of ['b', 'c']) channel.send('user', 'course', change(id))
    await pump()
    expect(seen).toEqual(['other>course', 'b>course', 'a>course', 'c>course'])
    expect(hits('reordered')).toBe(1)
  })

  it('of order gives up after its time when nothing overtakes', async () => {
    const { channel, seen, pump, hits } = channelOf(planOf([fault('reordered', { afterActions: 2 })]))
    channel.send('user', 'course', change('a'))
    channel.beginAction(2)
    await pump()
    expect([seen, hits('reordered')]).toEqual([['a>course'], 0])
  })

  it('of delay holds until its time, or until drained in plan order', async () => {
    const held = [
      fault('delayed', { about: 'Late' }),
      fault('delayed', { about: 'Early' }),
      fault('delayed', { afterActions: 9 }),
    ]
    const { channel, seen, pump, receive, hits } = channelOf(planOf(held))
    channel.send('user', 'course', change('early', { about: 'Early' }))
    channel.send('user', 'course', change('late', { about: 'Late' }))
    channel.send('user', 'course', change('timed'))
    channel.send('user', 'course', change('free'))
    channel.beginAction(9)
    await pump()
    expect(seen).toEqual(['free>course', 'timed>course'])
    channel.endFaults()
    await channel.drainInPlanOrder(receive)
    expect(seen.slice(2)).toEqual(['late>course', 'early>course'])
    expect([hits('delayed'), channel.waiting]).toEqual([3, 0])
  })

  it('of version skew counts what the receiver cannot understand, inside its window', async () => {
    const skew: Fault = { kind: 'version-skew', service: 'course', schemaVersion: 2, at: 1, until: 2 }
    const { channel, pump, hits } = channelOf(planOf([skew]))
    for (const action of [0, 1, 2]) {
      channel.beginAction(action)
      channel.send('user', 'course', change(`a${action}`, { schemaVersion: 2 }))
      channel.send('user', 'course', change(`b${action}`, { schemaVersion: 1 }))
      channel.send('user', 'progress', change(`a${action}`, { schemaVersion: 2 }))
      await pump()
    }
    expect(hits('version-skew')).toBe(1)
  })
})

describe('the network', () => {
  it('refuses messages from and to a service that is stopped or cut off, and counts each change once', () => {
    const windows = ['stopped', 'partitioned'].map((kind) => ({ kind, service: 'course', at: 0, until: 9 }) as Fault)
    const { channel, network, hits } = channelOf(planOf(windows))
    network.partition('course')
    expect(channel.send('course', 'user', change('a')).refused).toEqual([{ to: 'user', because: 'partitioned' }])
    channel.send('course', 'user', change('a'))
    network.stop('course')
    expect(channel.send('user', 'course', change('b')).refused).toEqual([{ to: 'course', because: 'stopped' }])
    expect([hits('partitioned'), hits('stopped')]).toEqual([1, 1])
  })

  it('answers calls like the network it stands for', async () => {
    const network = new Network()
    network.partition('course')
    await expect(network.call('user', 'course', async () => 1)).rejects.toMatchObject({
      ...{ kind: 'transient', code: 'simulate/unreachable', values: { because: 'partitioned' } },
    })
    expect(await network.call('course', 'course', async () => 1)).toBe(1)
    expect(await network.call('user', 'progress', async () => 1)).toBe(1)
  })

  it('kills a process at its next change, and keeps it dead until it is restarted', async () => {
    const { channel, network, seen, pump, hits } = channelOf(planOf([{ kind: 'crashed', service: 'user', at: 0 }]))
    network.armCrash('user')
    channel.send('user', 'course', change('beat', { carriesChange: false }))
    const dies = () => channel.send('user', 'course', change('a'))
    for (const attempt of [
      dies,
      dies,
      () => channel.send('user', 'course', change('beat', { carriesChange: false })),
    ]) {
      expect(attempt).toThrow(expect.objectContaining({ code: 'simulate/crashed' }))
    }
    await network.call('user', 'course', async () => 1).catch((error) => expect(isCrash(error)).toBe(true))
    network.restarted('user')
    channel.send('user', 'course', change('b'))
    await pump()
    expect(seen).toEqual(['beat>course', 'b>course'])
    expect(hits('crashed')).toBe(1)
  })
})

describe('the hits of several variants', () => {
  it('stand side by side in the order of kinds', () => {
    const row = (hit: number) => [{ kind: 'lost', planned: 3, hit } as const]
    expect(faultTable({ naive: row(3), cured: row(2) })).toEqual([
      { kind: 'lost', planned: 3, hit: { naive: 3, cured: 2 } },
    ])
  })
})

/** A run of random traffic under a drawn plan; gives what was sent, and what arrived while whom was reachable. */
async function traffic(seed: number, kinds: readonly FaultKind[]) {
  const plan = drawPlan({ seed, actions: 200, services, bound: seconds(20), kinds })
  const { channel, network, hits } = channelOf(plan)
  const accepted = new Set<string>()
  const arrived: { id: string; to: string; stream: string; order: number }[] = []
  const receive = async ({ to, message, order }: Delivery<number>) => {
    expect(network.isReachable(to)).toBe(true)
    arrived.push({ id: message.id, to, stream: message.stream, order })
  }
  for (let action = 0; action < 200; action++) {
    channel.beginAction(action)
    for (const window of plan.faults) {
      if (window.kind !== 'stopped' && window.kind !== 'partitioned') continue
      const isStop = window.kind === 'stopped'
      if (window.until === action) isStop ? network.start(window.service) : network.heal(window.service)
      if (window.at === action) isStop ? network.stop(window.service) : network.partition(window.service)
    }
    const from = services[action % 3]!
    for (const to of services.filter((service) => service !== from)) {
      const id = `${action}/${to}`
      const stream = `User/${action % 5}`
      if (channel.send(from, to, change(id, { stream })).accepted.length > 0) accepted.add(`${id}>${to}`)
    }
    if (action % 2 === 0) await channel.deliverDue(receive)
  }
  network.endFaults()
  channel.endFaults()
  await channel.drainInPlanOrder(receive)
  return { channel, accepted, arrived, hits }
}

const seeds = fc.integer({ min: 0, max: 1_000_000 })

describe('whatever the seed', () => {
  it('after the drain every accepted message that was not lost has arrived, and none at a service that was down', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const kinds: FaultKind[] = ['lost', 'duplicated', 'reordered', 'delayed', 'stopped', 'partitioned']
        const { channel, accepted, arrived } = await traffic(seed, kinds)
        const distinct = new Set(arrived.map(({ id, to }) => `${id}>${to}`))
        expect([...distinct].every((delivery) => accepted.has(delivery))).toBe(true)
        expect(accepted.size - distinct.size).toBe(channel.counts.lost)
        expect(arrived.length - distinct.size).toBe(channel.counts.duplicated)
        expect(channel.waiting).toBe(0)
      }),
      { numRuns: 40 },
    )
  })

  it('order is kept where no fault disturbs it', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const { arrived } = await traffic(seed, ['lost', 'stopped', 'partitioned'])
        for (const to of services) {
          const orders = arrived.filter((delivery) => delivery.to === to).map(({ order }) => order)
          expect(orders).toEqual(orders.toSorted((a, b) => a - b))
        }
      }),
      { numRuns: 40 },
    )
  })

  it.each(['lost', 'duplicated', 'reordered', 'delayed', 'stopped', 'partitioned'] as const)(
    '%s alone hits',
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(seeds, async (seed) => {
          const { channel, hits } = await traffic(seed, [kind])
          expect(hits(kind)).toBeGreaterThan(0)
          if (kind !== 'lost') expect(channel.counts.lost).toBe(0)
          if (kind !== 'duplicated') expect(channel.counts.duplicated).toBe(0)
          if (kind !== 'stopped' && kind !== 'partitioned') expect(channel.counts.refused).toBe(0)
        }),
        { numRuns: 10 },
      )
    },
  )
})
