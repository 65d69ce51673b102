/** What a database shows of itself: tables, columns, keys, and a bounded sample of the values that could be keys. */

/** What a column holds, as far as references care; `other` is no key of anything. */
export type KeyKind = 'integer' | 'text' | 'uuid' | 'other'

/** A column as its server describes it. */
export interface SurveyColumn {
  readonly name: string
  /** As the server writes it: `character varying(5)`. */
  readonly type: string
  readonly kind: KeyKind
}

/** A foreign key that the server itself holds. */
export interface SurveyForeignKey {
  readonly columns: readonly string[]
  /** As `SurveyTable.name` is written. */
  readonly table: string
}

/** A table and what was seen of its rows. */
export interface SurveyTable {
  readonly source: string
  /** As declarations name it: with its schema where that is not the default one. */
  readonly name: string
  /** Exact where `isWhole`, else the server's estimate. */
  readonly rows: number
  /** Whether the sample is the whole table. */
  readonly isWhole: boolean
  readonly columns: readonly SurveyColumn[]
  /** Primary key first, then unique constraints. */
  readonly keys: readonly (readonly string[])[]
  readonly hasPrimaryKey: boolean
  readonly foreignKeys: readonly SurveyForeignKey[]
  /** Sampled values by column, all of one length: the same index is the same row. */
  readonly sample: ReadonlyMap<string, readonly (string | null)[]>
  /** The least and the greatest integer of columns that an index begins with, where the table was only sampled. */
  readonly ends?: ReadonlyMap<string, KeyEnds>
}

/** The least and the greatest value of a column. */
export interface KeyEnds {
  readonly min: bigint
  readonly max: bigint
}

/** Rows read of each table at most: a percentage of them is known to about half a point, and reading them takes milliseconds. */
export const sampleRowsMax = 10_000

/** Distinct values asked for at a parent at most, in one query. */
export const probeValuesMax = 2_000

/** Common rows that two tables are compared by at most. */
export const commonRowsMax = 200

/** Longer texts are no keys. */
export const keyLengthMax = 64

/** A statement that takes longer is ended: a proposal is not worth a burden on production. */
export const statementTimeoutMs = 15_000

/** A database that can be asked about values, after it was surveyed. */
export interface Surveyed {
  readonly source: string
  readonly engine: 'postgres' | 'mysql' | 'mariadb'
  readonly version: string
  readonly database: string
  readonly user: string
  readonly tables: readonly SurveyTable[]
  /** Tables that were left out, and why. */
  readonly unread: readonly { readonly table: string; readonly why: string }[]
  /** Those of the values that are in the columns: of one column the value itself, of several what `partsText` makes. */
  present(table: SurveyTable, columns: readonly string[], values: readonly string[]): Promise<ReadonlySet<string>>
  /** Rows by the value of a column, as text. */
  rowsOf(question: RowsQuestion): Promise<ReadonlyMap<string, readonly (string | null)[]>>
  close(): Promise<void>
}

/** A value of several columns as one text, and of one column as it is. */
export function partsText(parts: readonly string[]): string {
  return parts.length === 1 ? parts[0]! : JSON.stringify(parts)
}

/** The parts of `partsText`. */
export function partsOf(text: string, count: number): readonly string[] {
  return count === 1 ? [text] : (JSON.parse(text) as string[])
}

/** Integer columns of which an index finds the least and the greatest value without a scan: those that begin a key. */
export function indexedIntegers({ columns, keys }: Pick<SurveyTable, 'columns' | 'keys'>): readonly string[] {
  return columns.flatMap(({ name, kind }) =>
    kind === 'integer' && keys.some(([first]) => first === name) ? [name] : [],
  )
}

/** The ends of columns, from the least and the greatest value of each as the server wrote them. */
export function keyEnds(columns: readonly string[], values: readonly (string | null)[]): ReadonlyMap<string, KeyEnds> {
  const isInteger = (value: string | null | undefined): value is string => /^-?\d{1,18}$/.test(value ?? '')
  return new Map(
    columns.flatMap((column, i) => {
      const [min, max] = [values[2 * i], values[2 * i + 1]]
      return isInteger(min) && isInteger(max) ? [[column, { min: BigInt(min), max: BigInt(max) }] as const] : []
    }),
  )
}

/** Which rows of a table, and which of their columns. */
export interface RowsQuestion {
  readonly table: SurveyTable
  readonly key: string
  readonly values: readonly string[]
  readonly columns: readonly string[]
}

/** Tables of migration tools: they hold no rows of the business. */
const bookkeeping =
  /^(?:_?_?(?:schema_migrations?|prisma_migrations|drizzle_migrations|diesel_schema_migrations|efmigrationshistory)|ar_internal_metadata|knex_migrations(?:_lock)?|flyway_schema_history|typeorm_metadata|migrations|databasechangelog(?:lock)?|sequelizemeta|django_migrations|alembic_version|goose_db_version)$/i

/** Whether a table belongs to a migration tool. */
export function isBookkeeping(table: string): boolean {
  return bookkeeping.test(table)
}

/** How an integer, a text or a UUID is told by the name of its type. */
export function keyKindOf(type: string): KeyKind {
  const plain = type.toLowerCase()
  if (plain === 'tinyint(1)') return 'other'
  if (/^(?:smallint|integer|bigint|int|tinyint|mediumint|int[248]|serial|bigserial)\b/.test(plain)) return 'integer'
  if (/^(?:numeric|decimal)\(\d+(?:,0)?\)/.test(plain)) return 'integer'
  if (plain === 'uuid') return 'uuid'
  const text = /^(?:character varying|varchar|character|char|bpchar|nvarchar|citext|text|name|enum)(?:\((\d+)\))?/.exec(
    plain,
  )
  if (text === null) return 'other'
  // A long declared length says little: `varchar(255)` holds keys everywhere. The values decide.
  return 'text'
}
