/**
 * A broker that doubles, reorders and loses messages, of which punctuation tells; and that may also lose what is named, and
 * leave it out of its counts: then nothing tells.
 */
import type { Random } from '../../src/base/base.ts'
import type { Channel, Handler, Message, Packet, Subscription } from '../../src/transport/transport.ts'

const doubledShare = 0.1
const lostShare = 0.03
const overtakingShare = 0.1

export class RoughChannel implements Channel {
  /** Whether messages are lost and overtake each other; they always come twice now and then. */
  isRough = false
  /** Streams whose messages do not reach a subscriber, without a trace. */
  readonly losing = new Map<string, Set<string>>()
  readonly #inner: Channel
  readonly #random: Random
  readonly #lost = new Map<string, Map<string, Message>>()

  constructor(inner: Channel, random: Random) {
    this.#inner = inner
    this.#random = random
  }

  send(packets: readonly Packet[]): Promise<void> {
    return this.#inner.send(packets)
  }

  subscribe(name: string, handler: Handler): Promise<Subscription> {
    return this.#inner.subscribe(name, (packets) => handler(this.#roughened(name, packets)))
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  #roughened(name: string, packets: readonly Packet[]): Packet[] {
    const lost = this.#lost.get(name) ?? new Map<string, Message>()
    this.#lost.set(name, lost)
    const out: Packet[] = []
    for (const packet of packets) {
      if (packet.kind === 'punctuation') {
        const { lane, fromTick, toTick } = packet
        const missing = [...lost.values()].filter((m) => m.lane === lane && m.tick > fromTick && m.tick <= toTick)
        out.push({ ...packet, count: packet.count - missing.length })
      } else if (this.losing.get(name)?.has(packet.stream)) lost.set(`${packet.version} ${packet.stream}`, packet)
      else if (!this.isRough || this.#random.next() >= lostShare) this.#pass(packet, out)
    }
    return out
  }

  #pass(message: Message, out: Packet[]): void {
    const before = out.at(-1)
    const overtakes = this.isRough && before?.kind === 'message' && this.#random.next() < overtakingShare
    if (overtakes) out.splice(-1, 1, message, before)
    else out.push(message)
    if (this.#random.next() < doubledShare) out.push(message)
  }
}
