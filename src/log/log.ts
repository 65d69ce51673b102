/** The event log of a service: appended in business transactions, cut into ticks, read by position. */
export type { LoggedEvent, Op, PendingEvent } from './event.ts'
export { type LaneEffect, LaneLoop, type LaneLoopOptions } from './lane-loop.ts'
export { Membership } from './membership.ts'
export { logMigrations } from './migrations.ts'
export type { Cut, Position } from './position.ts'
export { type BackfillRow, type OwnerLog, type Reading, type Registration, SqlOwnerLog } from './reader.ts'
export { Ticker, type TickerOptions } from './ticker.ts'
export { dropReadPartitions, expireConsumers, type Retention, upkeepLog } from './upkeep.ts'
