/**
 * The lossy channel as a transport: what a relay sends crosses the faults of the plan, what arrives is handed to the
 * subscriber's handler by the runner. Punctuation crosses the same faults but is not counted as a hit.
 */
import type { Channel, Handler, Packet } from '../transport/transport.ts'
import type { Envelope, LossyChannel } from './channel.ts'

/** The channels of all services of one simulated world. */
export interface SimulatedTransport {
  /** The channel on which `service` sends its packets. A packet that is refused everywhere is a hint that was lost. */
  source(service: string): Channel
  /** Give the variant's `deliver` to this: hands the packet to the handler of `to` for packets of `from`. */
  deliver(to: string, message: Envelope<Packet>, from: string): Promise<void>
}

/**
 * A transport on `channel`.
 *
 * @example
 * const transport = simulatedTransport(world.channel)
 * await transport.source('user').subscribe('progress', async (packets) => inbox.take(packets))
 * await transport.source('user').send(events.map(toMessage))
 */
export function simulatedTransport(channel: LossyChannel<Packet>): SimulatedTransport {
  const handlers = new Map<string, Handler>()
  const keyOf = (from: string, to: string) => `${from} ${to}`
  return {
    source: (from) => ({
      async send(packets) {
        for (const packet of packets) channel.publish(from, topicOf(from), envelopeOf(packet))
      },
      async subscribe(to, handler) {
        channel.subscribe(to, topicOf(from))
        handlers.set(keyOf(from, to), handler)
        const stop = async () => {
          if (handlers.get(keyOf(from, to)) === handler) handlers.delete(keyOf(from, to))
        }
        return { stop }
      },
      async close() {
        for (const key of handlers.keys()) if (key.startsWith(`${from} `)) handlers.delete(key)
      },
    }),
    deliver: async (to, message, from) => handlers.get(keyOf(from, to))?.([message.payload]),
  }
}

function topicOf(service: string): string {
  return `${service}-log`
}

function envelopeOf(packet: Packet): Envelope<Packet> {
  const { source, epoch, lane } = packet
  if (packet.kind === 'punctuation') {
    const id = `${source}/${epoch}/${lane}/${packet.toTick}`
    return { id, about: 'punctuation', stream: `lane/${lane}`, carriesChange: false, payload: packet }
  }
  const { id, type, stream, schemaVersion } = packet
  return { id, about: type, stream, carriesChange: true, schemaVersion, payload: packet }
}
