/**
 * Selvedge in one screen: declare, publish, consume, copy, run.
 *
 * `selvedge/check`, `selvedge/explain` and `selvedge/testing` are entry points of their own, so that a service in production
 * loads only what it runs.
 */

export { days, hours, milliseconds, minutes, seconds } from './base/duration.ts'
export { refused, SelvedgeError, transient } from './base/error.ts'
export { type Entity, type EventType, type Service, service } from './contract/contract.ts'
export { type Consumer, consumer, on, onMany, parkedStreams, release, retry, skip } from './inbox/inbox.ts'
export { capture } from './log/capture.ts'
export type { LoggedEvent } from './log/event.ts'
export { grantConsumer } from './log/grant.ts'
export { redact } from './log/redact.ts'
export { publish, publishWith, relay } from './outbox/outbox.ts'
export { defineService, type RunningService } from './service/service.ts'
export { type Database, openDatabase, type Transaction } from './store/store.ts'
