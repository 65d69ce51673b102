/** The front door of `base`: what every other folder stands on. It imports nothing but Node. */
export * from './clock.ts'
export * from './duration.ts'
export * from './error.ts'
export * from './id.ts'
export * from './random.ts'
export * from './retry.ts'
export * from './scheduler.ts'
export * from './signal.ts'
