/**
 * The fast lane: PostgreSQL's own `hash_record_extended`, four times as fast as md5 over text. It may be used when both
 * sides are PostgreSQL, hash alike (`recordProbeSql`) and hold the same kinds.
 *
 * Left to itself that hash misses differences, each tried on PostgreSQL 15 and held by a test:
 * - JSON `[[1],2]` and `[[1,2]]` hash alike, and so do a key inside and outside a nested object: JSON goes as text;
 * - a numeric hashes without its sign, NaN, Infinity and -Infinity hash to the seed, NULL to 0, and the number zero to
 *   seed - 1: "is negative" and "is Infinity" get a flag each, and the seed is neither 0 nor 1;
 * - arrays forget their shape: they are of kind json here, hence text;
 * - a case-insensitive collation or type hashes 'A' as 'a', an enum hashes its oid: all texts go as text in "C";
 * - floats hash -0 as 0: floats go as text;
 * - it is linear, so two rows that swap a value keep their sum: `digestColumnsSql` adds a product.
 */
import type { Cell } from './bucket.ts'
import { canonicalSql, cutSql } from './canonical-sql.ts'
import { type Kind, kindOf, type PostgresType } from './kind.ts'

/** Any number but 0 and 1 (see above). */
const seed = 7265

const inC = (text: string) => `${text} collate "C"`

/** The bigint hash of a row of expressions, of types whose kinds are equal on both sides. */
export function recordHashSql(cells: readonly Cell[]): string {
  return `hash_record_extended(row(${cells.map(cellSql).join(', ')}), ${seed})`
}

/**
 * One statement whose answer is equal on two servers exactly when they hash alike: hashes follow the byte order of the
 * machine and may change between major versions.
 */
export const recordProbeSql = `select current_setting('server_version_num')::int / 10000 || ' ' ||
  hash_record_extended(row(42::int8, 1.5::numeric, 'Learner ünï'::text collate "C", true, timestamptz '2026-01-31 08:00Z',
    date '2026-01-31', uuid '00000000-0000-7000-8000-000000000042'), ${seed}) as probe`

function cellSql({ sql, type, form }: Cell): string {
  const kind = form?.kind ?? kindOf(type)
  if (kind !== kindOf(type)) return casts[kind]?.(sql) ?? inC(canonicalSql(type, sql, form))
  const cut = form === undefined ? undefined : cutSql(type, sql, form)
  if (cut !== undefined)
    return forms[kind]?.(cut, { ...type, name: kind === 'timestamp' ? 'timestamp' : type.name }) ?? cut
  return forms[kind]?.(sql, type) ?? inC(canonicalSql(type, sql))
}

/** How a value of another kind becomes one that is hashed as the form is. */
const casts: Partial<Record<Kind, (sql: string) => string>> = {
  integer: (sql) => `${sql}::int::int8`,
  decimal: (sql) => decimalCells(`${sql}::int8::numeric`),
}

const decimalCells = (sql: string) => `${sql}, ${sql} = 'Infinity', ${sql} < 0`

const forms: Partial<Record<Kind, (sql: string, type: PostgresType) => string>> = {
  integer: (sql, type) => (type.name === 'int8' ? sql : `${sql}::int8`),
  decimal: decimalCells,
  boolean: (sql) => sql,
  text: (sql, type) => inC(type.name === 'text' ? sql : `${sql}::text`),
  // Both forms of timestamp are 64-bit microseconds, hashed alike.
  timestamp: (sql, type) => (type.name === 'timestamptz' ? `${sql} at time zone 'UTC'` : sql),
  date: (sql) => sql,
  uuid: (sql) => sql,
}
