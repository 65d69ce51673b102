/**
 * The tables and functions of a log and of those who read one, written out in SQL.
 *
 *     owner:    head (stream lock, dense version) · log (append-only, partitioned) · tick (consistent cuts) · consumer · epoch · contract
 *     consumer: instance (beats) · lane (owner, fence) · position (appended; the unique key is the compare-and-set)
 */
import { quoteLiteral } from '../store/identifier.ts'
import type { MigrationSet } from '../store/migrate.ts'
import { consumerRoleSql } from './sql/consumer-functions.ts'
import { consumerSql } from './sql/consumer-side.ts'
import { ownerFunctionsSql } from './sql/owner-functions.ts'
import { ownerTablesSql } from './sql/owner-tables.ts'

export const logMigrations: MigrationSet = {
  folder: 'log',
  migrations: [
    { number: 1, name: 'owner-tables', sql: ownerTablesSql },
    { number: 2, name: 'owner-functions', sql: ownerFunctionsSql },
    { number: 3, name: 'consumer-side', sql: consumerSql },
    { number: 4, name: 'consumer-role', sql: (s) => consumerRoleSql(s, quoteLiteral(s)) },
  ],
}
