/**
 * Canonical text in PostgreSQL. `canonical.ts` says the same in TypeScript; a property test holds the two together.
 *
 * The expressions need the settings of `canonicalSettings` in their transaction, because text of dates and floats
 * follows the session otherwise.
 */
import type { Form } from './form.ts'
import { jsonSql } from './json-sql.ts'
import type { Kind, PostgresType } from './kind.ts'
import { kindOf } from './kind.ts'

/** What a transaction must set (locally: behind a pooler a session setting would leak to somebody else). */
export const canonicalSettings: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  // A backslash in our patterns, and in the SQL of a declaration, means itself.
  standard_conforming_strings: 'on',
  // Texts are hashed as they are sent.
  client_encoding: 'UTF8',
}

/**
 * The canonical text of an SQL expression of type `type`; NULL stays NULL. With `form` it is written as all sides of a
 * comparison write it.
 *
 * @example
 * canonicalSql({ name: 'numeric', form: 'b', category: 'N' }, '"balance"') // 'trim_scale("balance")::text'
 */
export function canonicalSql(type: PostgresType, expression: string, form?: Form): string {
  const kind = kindOf(type)
  const shared = form === undefined ? undefined : inForm(kind, form)?.(expression, type, form)
  return shared ?? forms[kind](expression, type)
}

/** The expression cut to the digits of a form, still of its type; undefined when nothing is to be cut. */
export function cutSql(type: PostgresType, expression: string, { kind, digits }: Form): string | undefined {
  if (digits === undefined || kindOf(type) !== kind) return undefined
  if (kind === 'decimal') return `round(${expression}, ${digits})`
  if (kind !== 'timestamp') return undefined
  const plain = plainTimestampSql(type, expression)
  if (digits >= 6) return plain
  return `date_bin('${10 ** (6 - digits)} microseconds', ${plain}::timestamp, timestamp '0001-01-01')`
}

/** A point in time as the date and time of UTC. By an interval: the name of a zone is looked up for each row anew. */
export function plainTimestampSql(type: PostgresType, expression: string): string {
  return type.name === 'timestamptz' ? `(${expression} at time zone interval '0')` : expression
}

type Written = (expression: string, type: PostgresType, form: Form) => string | undefined

/** How a kind is written in the form of another; undefined where its own text is that form already. */
function inForm(kind: Kind, form: Form): Written | undefined {
  if (form.kind === 'json') return kind === 'json' ? keptJson : undefined
  if (form.kind === kind) return cutText
  if (form.kind === 'uuid' && kind === 'text') return (expression) => `lower(${expression}::text)`
  if (form.kind === 'uuid' && kind === 'bytes')
    return (expression) =>
      `case when octet_length(${expression}) = 16 then encode(${expression}, 'hex')::uuid::text else encode(${expression}, 'hex') end`
  if (form.kind === 'timestamp' && kind === 'date') return (expression) => `(${expression}::timestamp)::text`
  return undefined
}

const cutText: Written = (expression, type, form) => {
  const cut = cutSql(type, expression, form)
  if (cut === undefined) return undefined
  return form.kind === 'decimal' ? `trim_scale(${cut})::text` : `(${cut})::text`
}

const keptJson: Written = (expression, type, { keeps = [] }) => jsonSql(type, expression, keeps)

const asText = (expression: string) => `${expression}::text`

const forms: Record<Kind, (expression: string, type: PostgresType) => string> = {
  integer: asText,
  decimal: (expression) => `trim_scale(${expression})::text`,
  float8: asText,
  float4: asText,
  boolean: (expression) => `${expression}::int::text`,
  // The cast of an address writes /32 behind every host, where nobody else does.
  text: (expression, type) => (type.name === 'inet' ? `abbrev(${expression})` : asText(expression)),
  // Not to_char: it answers NULL for infinity and the same year for 44 BC and 44 AD.
  timestamp: (expression, type) => asText(plainTimestampSql(type, expression)),
  date: asText,
  uuid: asText,
  bytes: (expression) => `encode(${expression}, 'hex')`,
  json: (expression, type) => jsonSql(type, expression),
}
