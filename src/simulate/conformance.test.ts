import { describe, expect, it } from 'vitest'
import { seconds, systemScheduler } from '../base/base.ts'
import { type Channel, type Handler, memoryChannel, type Packet, type Transport } from '../transport/transport.ts'
import { checkConformance, conformance } from './conformance.ts'

/** The channel in memory, with its deliveries on real timers, changed by `spoil`. */
function memory(spoil: (channel: Channel) => Partial<Channel> = () => ({})): Transport {
  return {
    name: 'memory',
    deviations: {},
    async open() {
      const scheduler = systemScheduler()
      const channel = memoryChannel(scheduler)
      const whole: Channel = {
        send: (packets) => channel.send(packets),
        subscribe: (name, handler) => channel.subscribe(name, handler),
        async close() {
          await channel.close()
          await scheduler.stop()
        },
      }
      return { ...whole, ...spoil(whole) }
    },
  }
}

describe('the channel in memory', () => {
  it.each(conformance.map(({ claim, holds }) => [claim, holds] as const))('%s', (_, holds) => holds(memory()))
})

const onSend = (change: (packets: readonly Packet[]) => readonly Packet[]) =>
  memory((channel) => ({ send: (packets) => channel.send(change(packets)) }))
const onHandler = (change: (handler: Handler) => Handler) =>
  memory((channel) => ({ subscribe: (name, handler) => channel.subscribe(name, change(handler)) }))

/** A channel that forgets: what was handed over counts as received, whatever came of it. */
const forgetful = onHandler((handler) => (packets) => handler(packets).catch(() => undefined))

describe('a channel that breaks its word is found:', () => {
  it.each<[string, Transport, string]>([
    [
      'it reverses',
      onSend((packets) => packets.toReversed()),
      'the packets of a lane arrive in the order of sending, over many sends',
    ],
    ['it repeats', onSend((packets) => [...packets, ...packets]), 'a packet arrives once while no handler fails'],
    [
      'it parses the data',
      onSend((packets) =>
        packets.map((packet) =>
          packet.kind === 'message' ? { ...packet, data: JSON.stringify(JSON.parse(packet.data)) } : packet,
        ),
      ),
      'every subscriber receives every packet, unchanged',
    ],
    [
      'it hands over twice at once',
      onHandler((handler) => async (packets) => void (await Promise.all([handler(packets), handler([])]))),
      'a handler is called one call at a time',
    ],
    ['it takes packets after the end', memory(() => ({ send: async () => {} })), 'a closed channel takes nothing'],
    [
      'it never says stop',
      memory(() => ({ send: async () => {} })),
      'a subscriber that does not keep up is told to the sender, within bounded memory',
    ],
  ])('%s', async (_, transport, claim) => {
    await expect(conformance.find((each) => each.claim === claim)!.holds(transport, seconds(1))).rejects.toThrow()
  })

  it('it forgets what failed', async () => {
    const claim = 'what a handler rejects comes again, before anything later of its lane'
    await expect(conformance.find((each) => each.claim === claim)!.holds(forgetful, seconds(1))).rejects.toThrow(
      'were handled',
    )
  })
})

describe('a report', () => {
  it('gives each claim its verdict, deviations with their reason, and finds deviations from nothing', async () => {
    const named = conformance[0]!.claim
    const transport = { ...memory(), deviations: { [named]: 'it has one subscriber', 'flies to the moon': 'why not' } }
    const verdicts = await checkConformance(transport)
    expect(verdicts[0]).toEqual({ claim: named, verdict: 'deviates', reason: 'it has one subscriber' })
    expect(verdicts.at(-1)).toEqual({ claim: 'flies to the moon', verdict: 'fails', reason: 'There is no such claim.' })
    expect(new Set(verdicts.slice(1, -1).map(({ verdict }) => verdict))).toEqual(new Set(['holds']))
  })
})
