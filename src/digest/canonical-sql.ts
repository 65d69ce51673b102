/**
 * Canonical text in PostgreSQL. `canonical.ts` says the same in TypeScript; a property test holds the two together.
 *
 * The expressions need the settings of `canonicalSettings` in their transaction, because text of dates and floats
 * follows the session otherwise.
 */
import type { Kind, PostgresType } from './kind.ts'
import { kindOf } from './kind.ts'

/** What a transaction must set (locally: behind a pooler a session setting would leak to somebody else). */
export const canonicalSettings: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
}

/**
 * The canonical text of an SQL expression of type `type`; NULL stays NULL.
 *
 * @example
 * canonicalSql({ name: 'numeric', form: 'b', category: 'N' }, '"balance"') // 'trim_scale("balance")::text'
 */
export function canonicalSql(type: PostgresType, expression: string): string {
  return forms[kindOf(type)](expression, type)
}

const asText = (expression: string) => `${expression}::text`

const forms: Record<Kind, (expression: string, type: PostgresType) => string> = {
  integer: asText,
  decimal: (expression) => `trim_scale(${expression})::text`,
  float8: asText,
  float4: asText,
  boolean: (expression) => `${expression}::int::text`,
  text: asText,
  // Not to_char: it answers NULL for infinity and the same year for 44 BC and 44 AD.
  timestamp: (expression, type) =>
    type.name === 'timestamptz' ? `(${expression} at time zone 'UTC')::text` : asText(expression),
  date: asText,
  uuid: asText,
  bytes: (expression) => `encode(${expression}, 'hex')`,
  json: (expression, type) => (type.name === 'jsonb' ? asText(expression) : `to_jsonb(${expression})::text`),
}
