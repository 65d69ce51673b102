/**
 * What a channel of hints has to do, as a list of claims that can be held against any transport. No test framework is
 * needed: a claim that does not hold rejects with the sentence that failed.
 *
 *     for (const { claim, holds } of conformance) it(claim, () => holds(transport))
 */
import { assert, type Duration, type Scheduler, seconds, systemClock, systemScheduler } from '../base/base.ts'
import type { Channel, Packet, Transport } from '../transport/transport.ts'
import { awkward, ids, marker, messagesOf, ofLane, punctuation, texts } from './conformance-packets.ts'

/** One claim about transports. */
export interface Claim {
  readonly claim: string
  /** Resolves when the claim holds for a channel freshly opened; rejects with what was seen instead, or after `within`. */
  holds(transport: Transport, within?: Duration): Promise<void>
}

/** The verdict on one claim. */
export interface ClaimVerdict {
  readonly claim: string
  readonly verdict: 'holds' | 'deviates' | 'fails'
  /** The stated reason of a deviation, or what was seen. */
  readonly reason?: string
}

/** How long a claim waits for deliveries by default: far above any broker's redelivery pause. */
const withinDefault = seconds(15)

/** More than a broker's client sends at once, so that a channel has to cut it into pieces. */
const packetsOfOneSend = 600

/** A subscriber whose buffer takes more than this without a word is not bounded. */
const unreadMax = 200_000

/** The claims. Each opens a channel, and closes it whatever happens. */
export const conformance: readonly Claim[] = [
  {
    claim: 'every subscriber receives every packet, unchanged',
    holds: on(async ({ channel, until }) => {
      const sent = [awkward, punctuation, ...messagesOf({ lane: 1, count: 20 })]
      const [first, second] = [await recorder(channel, 'first'), await recorder(channel, 'second')]
      await channel.send(sent)
      for (const { packets } of [first, second]) {
        await until(
          () => packets.length >= sent.length,
          () => `${packets.length} of ${sent.length} packets arrived.`,
        )
        same(texts(packets), texts(sent), 'The packets that arrived are not those that were sent.')
      }
    }),
  },
  {
    claim: 'the packets of a lane arrive in the order of sending, over many sends',
    holds: on(async ({ channel, until }) => {
      const sent = [
        ...messagesOf({ lane: 0, count: packetsOfOneSend }),
        ...messagesOf({ lane: 1, count: packetsOfOneSend }),
      ]
      const { packets } = await recorder(channel, 'reader')
      await channel.send(sent.slice(0, packetsOfOneSend))
      for (const packet of sent.slice(packetsOfOneSend, packetsOfOneSend + 50)) await channel.send([packet])
      await channel.send(sent.slice(packetsOfOneSend + 50))
      await until(
        () => packets.length >= sent.length,
        () => `${packets.length} of ${sent.length} packets arrived.`,
      )
      for (const lane of [0, 1]) {
        same(ids(ofLane(packets, lane)), ids(ofLane(sent, lane)), `Lane ${lane} arrived in another order.`)
      }
    }),
  },
  {
    claim: 'a packet arrives once while no handler fails',
    holds: on(async ({ channel, until }) => {
      const { packets } = await recorder(channel, 'reader')
      await channel.send(messagesOf({ lane: 0, count: 100 }))
      await channel.send([marker])
      await until(
        () => ids(packets).includes(marker.id),
        () => 'The last packet has not arrived.',
      )
      const seen = ids(packets)
      same(seen, [...new Set(seen)], 'A packet arrived twice although no handler failed.')
    }),
  },
  {
    claim: 'what a handler rejects comes again, before anything later of its lane',
    holds: on(async ({ channel, until }) => {
      const handled: string[] = []
      let failures = 0
      await channel.subscribe('reader', async (packets) => {
        if (failures < 3) {
          failures += 1
          throw new Error('The handler fails three times.')
        }
        handled.push(...ids(packets))
      })
      const sent = messagesOf({ lane: 0, count: 10 })
      for (const packet of sent) await channel.send([packet])
      await until(
        () => handled.length >= sent.length,
        () => `${handled.length} of ${sent.length} were handled.`,
      )
      same(withoutRepeats(handled), ids(sent), 'After the failures the lane was handled in another order.')
    }),
  },
  {
    claim: 'a subscriber that dies in its handler and comes back receives what it had not finished',
    holds: on(async ({ channel, until }) => {
      const died = await channel.subscribe('reader', () => Promise.reject(new Error('The consumer dies.')))
      const sent = messagesOf({ lane: 0, count: 10 })
      await channel.send(sent.slice(0, 5))
      await died.stop()
      const { packets } = await recorder(channel, 'reader')
      await channel.send(sent.slice(5))
      await until(
        () => ids(packets).includes(ids(sent).at(-1)!),
        () => 'The last packet has not arrived.',
      )
      same(withoutRepeats(ids(packets)), ids(sent), 'Something that was not finished never came again.')
    }),
  },
  {
    claim: 'a handler is called one call at a time',
    holds: on(async ({ channel, until, scheduler }) => {
      let inside = 0
      let most = 0
      let handled = 0
      await channel.subscribe('reader', async (packets) => {
        inside += 1
        most = Math.max(most, inside)
        await scheduler.sleep(5)
        inside -= 1
        handled += packets.length
      })
      for (const packet of messagesOf({ lane: 0, count: 20 })) await channel.send([packet])
      await until(
        () => handled >= 20,
        () => `${handled} of 20 packets were handled.`,
      )
      assert(most === 1, `${most} calls of the handler ran at the same time.`)
    }),
  },
  {
    claim: 'a subscription that has been stopped receives nothing more',
    holds: on(async ({ channel, until }) => {
      const stopped = await recorder(channel, 'stopped')
      const other = await recorder(channel, 'other')
      await stopped.subscription.stop()
      await channel.send([marker])
      await until(
        () => other.packets.length > 0,
        () => 'The other subscriber received nothing.',
      )
      assert(stopped.packets.length === 0, 'A packet arrived after the subscription was stopped.')
    }),
  },
  {
    claim: 'a subscriber that does not keep up is told to the sender, within bounded memory',
    holds: on(async ({ channel }) => {
      const { promise: freed, resolve: free } = gate()
      await channel.subscribe('slow', () => freed)
      try {
        assert(
          await isRefusedWithin(channel, unreadMax),
          `${unreadMax} packets were taken for a reader that reads none.`,
        )
      } finally {
        free()
      }
    }),
  },
  {
    claim: 'a closed channel takes nothing',
    holds: on(async ({ channel }) => {
      await channel.close()
      const outcome = await channel.send([marker]).then(
        () => 'taken',
        () => 'refused',
      )
      assert(outcome === 'refused', 'A packet was taken after the channel had been closed.')
    }),
  },
]

/**
 * Holds all claims against a transport, one after the other. Claims that the transport lists as deviations are not run; a
 * deviation without a claim of that name fails, so that the list stays true.
 */
export async function checkConformance(transport: Transport): Promise<ClaimVerdict[]> {
  const verdicts: ClaimVerdict[] = []
  for (const { claim, holds } of conformance) {
    const reason = transport.deviations[claim]
    if (reason !== undefined) verdicts.push({ claim, verdict: 'deviates', reason })
    else verdicts.push(await verdictOf(claim, () => holds(transport)))
  }
  const unknown = Object.keys(transport.deviations).filter(
    (claim) => !conformance.some((known) => known.claim === claim),
  )
  return [
    ...verdicts,
    ...unknown.map((claim) => ({ claim, verdict: 'fails' as const, reason: 'There is no such claim.' })),
  ]
}

async function verdictOf(claim: string, holds: () => Promise<void>): Promise<ClaimVerdict> {
  try {
    await holds()
    return { claim, verdict: 'holds' }
  } catch (error) {
    return { claim, verdict: 'fails', reason: error instanceof Error ? error.message : String(error) }
  }
}

/** What a claim works with. */
interface Setting {
  readonly channel: Channel
  readonly scheduler: Scheduler
  /** Resolves when `isSo`; rejects with `otherwise` when that takes too long. */
  until(isSo: () => boolean, otherwise: () => string): Promise<void>
}

function on(claim: (setting: Setting) => Promise<void>): Claim['holds'] {
  return async (transport, within = withinDefault) => {
    const channel = await transport.open()
    const scheduler = systemScheduler()
    const startMs = systemClock.monotonicMs()
    const until = async (isSo: () => boolean, otherwise: () => string) => {
      while (!isSo()) {
        assert(systemClock.monotonicMs() - startMs < within.milliseconds, otherwise())
        await scheduler.sleep(2)
      }
    }
    try {
      await claim({ channel, scheduler, until })
    } finally {
      await scheduler.stop()
      await channel.close()
    }
  }
}

async function recorder(channel: Channel, name: string) {
  const packets: Packet[] = []
  const subscription = await channel.subscribe(name, async (arrived) => {
    packets.push(...arrived)
  })
  return { packets, subscription }
}

async function isRefusedWithin(channel: Channel, most: number): Promise<boolean> {
  const packets = messagesOf({ lane: 0, count: packetsOfOneSend })
  for (let sent = 0; sent < most; sent += packets.length) {
    const outcome = await channel.send(packets).then(
      () => 'taken',
      () => 'refused',
    )
    if (outcome === 'refused') return true
  }
  return false
}

function gate() {
  let resolve: () => void = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve: () => resolve() }
}

function same(actual: readonly string[], expected: readonly string[], sentence: string): void {
  const at = expected.findIndex((text, index) => actual[index] !== text)
  const first = at < 0 ? expected.length : at
  assert(at < 0 && actual.length === expected.length, `${sentence} First at ${first}: ${actual[first] ?? 'nothing'}.`)
}

/** The first time each id was seen: a broker may repeat what it was not told to be finished. */
function withoutRepeats(all: readonly string[]): string[] {
  return [...new Set(all)]
}
