/** Prevention begins here: the event commits with the rows it speaks of, or not at all. */
export type { Transaction } from '../store/database.ts'
export { type PublishOptions, publish, publishWith } from './publish.ts'
export { type Relay, type RelayOptions, relay, type Send } from './relay.ts'
