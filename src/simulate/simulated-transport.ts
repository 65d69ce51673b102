/**
 * The lossy channel as a transport: what a relay sends crosses the faults of the plan, what arrives is handed to the
 * consumers of the receiving service by the runner.
 *
 * Hits count only what changes something for its receiver: neither punctuation nor events that it does not heed, which
 * it is sent all the same, since punctuation counts them.
 */
import type { Channel, Handler, Packet } from '../transport/transport.ts'
import type { Envelope, LossyChannel } from './channel.ts'

/** The channels between all services of one simulated world. */
export interface SimulatedTransport {
  /**
   * The channel on which the packets of `service` travel. Give it to the sender without a reader, and to each reading service
   * with its own name: the plan stops and cuts off services, whatever the names of their consumers.
   *
   * A packet that is refused or lost on the way is no error: it was a hint. Fails with `simulate/crashed` as the sender dies.
   */
  source(service: string, reader?: string): Channel
  /** Give the variant's `deliver` to this: hands the packet to the consumers of `to`. Rejects when one of them does. */
  deliver(to: string, message: Envelope<Packet>, from: string): Promise<void>
}

/** What a simulated transport may be told. */
export interface SimulatedTransportOptions {
  /** Whether an event of this type changes anything at the service. Default: always. */
  heeds?(service: string, source: string, type: string): boolean
}

/** The consumers of one service that read one source. */
interface Reader {
  readonly service: string
  readonly handlers: Map<string, Handler>
}

/**
 * A transport on `channel`.
 *
 * @example
 * const transport = simulatedTransport(world.channel)
 * defineService({ contract: user, database, relayTo: transport.source('user') })
 * defineService({ contract: progress, database, consumers, sources: { user: { log, channel: transport.source('user', 'progress') } } })
 */
export function simulatedTransport(
  channel: LossyChannel<Packet>,
  options: SimulatedTransportOptions = {},
): SimulatedTransport {
  const readers = new Map<string, Map<string, Reader>>()
  const readersOf = (source: string) => orMake(readers, source, () => new Map<string, Reader>())
  const heeds = (service: string, packet: Packet) =>
    packet.kind === 'message' && (options.heeds?.(service, packet.source, packet.type) ?? true)
  return {
    source: (source, reader) => ({
      async send(packets) {
        for (const packet of packets) {
          for (const { service } of readersOf(source).values()) {
            channel.send(source, service, envelopeOf(packet, heeds(service, packet)))
          }
        }
      },
      async subscribe(name, handler) {
        const service = reader ?? name
        const { handlers } = orMake(readersOf(source), service, () => ({
          service,
          handlers: new Map<string, Handler>(),
        }))
        handlers.set(name, handler)
        // The service stays a receiver while it is down: what is sent to it then is refused, not unsaid.
        const stop = async () => {
          if (handlers.get(name) === handler) handlers.delete(name)
        }
        return { stop }
      },
      // The channel belongs to the world, not to one of its services.
      close: async () => {},
    }),
    async deliver(to, message, from) {
      const handlers = readersOf(from).get(to)?.handlers ?? new Map<string, Handler>()
      const failures: unknown[] = []
      for (const handler of [...handlers.values()]) {
        await handler([message.payload]).catch((error: unknown) => failures.push(error))
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}

function orMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

function envelopeOf(packet: Packet, carriesChange: boolean): Envelope<Packet> {
  const { source, epoch, lane } = packet
  if (packet.kind === 'punctuation') {
    const id = `${source}/${epoch}/${lane}/${packet.toTick}`
    return { id, about: 'punctuation', stream: `${source}/lane/${lane}`, carriesChange, payload: packet }
  }
  const { id, type, stream, schemaVersion } = packet
  return { id, about: type, stream: `${source}:${stream}`, carriesChange, schemaVersion, payload: packet }
}
