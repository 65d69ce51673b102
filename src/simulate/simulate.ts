/**
 * The front door of `simulate`, published as `selvedge/testing`: a seeded world in which your own services can be run -
 * clock, scheduler, network and channel with faults - and the conformance suite for transports.
 */
// The academy and users' own tests draw their actions from the same seed as the plan.
export { type Random, seededRandom } from '../base/random.ts'
export type { Channel, Handler, Message, Packet, Punctuation, Subscription, Transport } from '../transport/transport.ts'
export { decodePacket, encodePacket, memoryChannel, toEvent, toMessage } from '../transport/transport.ts'
export * from './channel.ts'
export * from './conformance.ts'
export * from './fault.ts'
export * from './network.ts'
export * from './plan.ts'
export * from './simulated-clock.ts'
export * from './simulated-log.ts'
export * from './simulated-scheduler.ts'
export * from './simulated-transport.ts'
export * from './tally.ts'
export * from './world.ts'
