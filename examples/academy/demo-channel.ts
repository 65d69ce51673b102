/** A channel of Selvedge that loses what it is told to: the cured academy must not mind. */
import type { ServiceParts } from 'selvedge/service'

/** A channel as `defineService` takes it. */
export type Channel = NonNullable<ServiceParts['relayTo']>

/** A channel with a button. */
export interface LosingChannel extends Channel {
  /** Loses the next message of one of these types, and says so when it has. */
  loseNext(types: readonly string[], done: (type: string) => void): void
}

/** Puts a button on a channel. */
export function losingChannel(channel: Channel): LosingChannel {
  let faults: { readonly types: readonly string[]; readonly done: (type: string) => void }[] = []
  return {
    send: (packets) => {
      const kept = packets.filter((packet) => {
        const fault = packet.kind === 'message' ? faults.find(({ types }) => types.includes(packet.type)) : undefined
        if (!fault || packet.kind !== 'message') return true
        faults = faults.filter((other) => other !== fault)
        fault.done(packet.type)
        return false
      })
      return channel.send(kept)
    },
    subscribe: (name, handler) => channel.subscribe(name, handler),
    close: () => channel.close(),
    loseNext: (types, done) => {
      faults.push({ types, done })
    },
  }
}
