/** Effect once: consumers, their handlers, and the streams that wait. */
export {
  type Consumer,
  consumer,
  type FromSnapshot,
  type Handle,
  type Handler,
  on,
  onErased,
  onMany,
  type ReadBackfill,
} from './consumer.ts'
export { inboxMigrations } from './migrations.ts'
export { type ParkedReport, parkedStreams, release, retry, skip } from './operate.ts'
