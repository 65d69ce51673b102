/**
 * What a column holds, seen from outside its engine. Two columns are compared by the canonical text of their kinds, so
 * that an `int4` and a `bigint`, or a `varchar` and a `text`, can agree; the kind also says whether PostgreSQL's own
 * hash may be used for it (`record.ts`).
 */

/**
 * The kinds of values, each with one canonical text:
 *
 * | kind | text |
 * |---|---|
 * | integer | `-42` |
 * | decimal | `1.5`, no trailing zeros; `NaN`, `Infinity`, `-Infinity` |
 * | float8, float4 | shortest text that reads back as the same number; `-0` is not `0` |
 * | boolean | `1` or `0` |
 * | text | itself, byte for byte: case, blanks and Unicode forms all count |
 * | timestamp | `2026-01-31 08:00:00.25` in UTC; a timestamp without zone is read as UTC |
 * | date, uuid | as PostgreSQL writes them in ISO style |
 * | bytes | lower-case hex |
 * | json | as `jsonb` writes it, with what the form keeps beyond that; numbers are judged without trailing zeros |
 */
export type Kind =
  | 'integer'
  | 'decimal'
  | 'float8'
  | 'float4'
  | 'boolean'
  | 'text'
  | 'timestamp'
  | 'date'
  | 'uuid'
  | 'bytes'
  | 'json'

/** A column's type as PostgreSQL's catalog describes it, a domain already replaced by its base type. */
export interface PostgresType {
  /** `pg_type.typname`: `int4`, `timestamptz`, `_text`. */
  readonly name: string
  /** `pg_type.typtype`: b(ase), c(omposite), e(num), r(ange), m(ultirange). */
  readonly form: string
  /** `pg_type.typcategory`: `A` for arrays. */
  readonly category: string
}

const kinds: ReadonlyMap<string, Kind> = new Map([
  ['int2', 'integer'],
  ['int4', 'integer'],
  ['int8', 'integer'],
  ['oid', 'integer'],
  ['numeric', 'decimal'],
  ['float8', 'float8'],
  ['float4', 'float4'],
  ['bool', 'boolean'],
  ['timestamp', 'timestamp'],
  ['timestamptz', 'timestamp'],
  ['date', 'date'],
  ['uuid', 'uuid'],
  ['bytea', 'bytes'],
  ['json', 'json'],
  ['jsonb', 'json'],
])

/** The kind of a PostgreSQL type. Arrays and composites are compared as JSON; whatever has no kind of its own, by its text. */
export function kindOf(type: PostgresType): Kind {
  if (type.category === 'A' || type.form === 'c') return 'json'
  return kinds.get(type.name) ?? 'text'
}
