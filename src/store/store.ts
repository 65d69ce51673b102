/** Where rows live: one database per service, our tables in one schema of it. */
export type { Connection } from './connection.ts'
export type {
  Cause,
  Database,
  Flusher,
  Queryable,
  Result,
  Statement,
  Transaction,
  TransactionOptions,
} from './database.ts'
export { errorCode, explainError, isConnectionLoss } from './explain-error.ts'
export { quoteIdentifier, quoteLiteral, sqlTable } from './identifier.ts'
export { type Migration, type MigrationSet, migrate, printMigrations } from './migrate.ts'
export { type OpenOptions, openDatabase, type PoolLike } from './postgres.ts'
