/** The front door of `observe`: traces, metrics, lag and the shape of a history. Silent until an SDK is registered. */
export * from './history.ts'
export * from './lag.ts'
export * from './message-span.ts'
export * from './metrics.ts'
export * from './trace.ts'
