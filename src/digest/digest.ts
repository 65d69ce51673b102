/** The front door of `digest`: canonical text and hashes that agree between TypeScript and PostgreSQL. */
export * from './bucket.ts'
export * from './canonical.ts'
export * from './canonical-sql.ts'
export * from './hash.ts'
export * from './kind.ts'
export * from './record.ts'
export * from './row-text.ts'
