/**
 * What a repair needs of a database that it may write to, whatever its engine. Each engine has a file beside this one.
 *
 * A row is seen in full, as the text of each of its columns: `valueOf(textOf(value))` is the value again, so the same
 * texts guard a write, name what was there before, and bring it back.
 */
import type { Kind } from '../../digest/digest.ts'
import type { Side } from '../../invariant/invariant.ts'

/** A statement with its parameters, as the plan shows it and as it is run. */
export interface GuardedStatement {
  readonly text: string
  readonly values: readonly (string | null)[]
}

/** A whole row: the texts of all columns of its table, in the table's order, and which transaction wrote it. */
export interface FullRow {
  readonly texts: readonly (string | null)[]
  /** Empty where the engine cannot tell: then only the texts guard. */
  readonly stamp: string
}

/** A column of a table that may be written. */
export interface WritableColumn {
  readonly name: string
  readonly kind: Kind
  /** The type as the engine spells it, for casts. */
  readonly type: string
  /** The engine computes it: it is compared, never written. */
  readonly isGenerated: boolean
  readonly isRequired: boolean
}

/** A table that one side of an invariant maps to, column by column. */
export interface WritableTable {
  readonly source: string
  readonly table: string
  readonly columns: readonly WritableColumn[]
  /** The columns of the key's parts. */
  readonly key: readonly string[]
  /** The invariant's columns with the table's column of each. */
  readonly mapped: ReadonlyMap<string, string>
}

/** New values by the table's column, as canonical text of the column's kind. */
export type NewValues = Readonly<Record<string, string | null>>

/** A foreign key by which rows of another table go with a row of this one: deleted, or emptied in its columns. */
export interface CascadingKey {
  /** The other table, as its engine writes it in SQL. */
  readonly table: string
  /** The other table, for people. */
  readonly name: string
  /** The other table's columns, each with the column of this one that it names. */
  readonly columns: readonly (readonly [child: string, parent: string])[]
  /** A table may name itself. */
  readonly isSelf: boolean
}

/** Runs inside one transaction. */
export interface WriteSession {
  /** The rows with this key, locked until the end; more than one where the key is not unique after all. */
  lock(table: WritableTable, key: readonly string[]): Promise<readonly FullRow[]>
  /** Keeps others from writing a row until the end, where the role may; a role that may not is no failure. */
  share(table: WritableTable, key: readonly string[]): Promise<void>
  /** The first table with a row that the server would delete or empty with this one; asked while the row is locked. */
  takenAlong(table: WritableTable, key: readonly string[]): Promise<string | undefined>
  /** Runs a guarded statement; undefined when it touched no row, else the row as it is now (or was, when deleted). */
  run(table: WritableTable, key: readonly string[], statement: GuardedStatement): Promise<FullRow | undefined>
  /** Names the transaction, so that its outcome can be asked for later; undefined where the engine cannot tell. */
  transactionId(): Promise<string | undefined>
}

/** A database that repairs may write to. */
export interface Writer {
  readonly source: string
  /** Equal for two sources in one database: then the owner's row can be held while the copy is written. */
  readonly place: string
  /** The table of a side, or one sentence that says why nothing can be written through it. */
  describe(side: Side): Promise<WritableTable | string>
  /** A table whose rows the server deletes or empties with a row of this one, which no undo would bring back. */
  takesAlong(table: WritableTable): Promise<string | undefined>
  /** The rows with these keys, in one read-only snapshot, by `rowText` of the key. */
  read(table: WritableTable, keys: readonly (readonly string[])[]): Promise<ReadonlyMap<string, readonly FullRow[]>>
  /** Changes columns of a row that is as `before` says. */
  updateOf(table: WritableTable, key: readonly string[], set: NewValues, before: FullRow): GuardedStatement
  /** Adds a row where none is. */
  insertOf(table: WritableTable, key: readonly string[], set: NewValues): GuardedStatement
  /** Removes a row that is as `before` says. */
  deleteOf(table: WritableTable, key: readonly string[], before: FullRow): GuardedStatement
  /** Brings a row back to `to`, from `from`; undefined stands for no row. */
  restoreOf(
    table: WritableTable,
    key: readonly string[],
    change: { readonly from: FullRow | undefined; readonly to: FullRow | undefined },
  ): GuardedStatement
  /** One transaction; a throw rolls it back. */
  write<T>(work: (session: WriteSession) => Promise<T>): Promise<T>
  /** Whether a transaction that `transactionId` named took effect; undefined when nobody knows any more. */
  outcomeOf(transactionId: string): Promise<'committed' | 'aborted' | 'running' | undefined>
  close(): Promise<void>
}

/** Asks once per table: a plan of many deletions asks for each of them, and what it says is asked again before any write. */
export function oncePerTable<T>(ask: (table: WritableTable) => Promise<T>): (table: WritableTable) => Promise<T> {
  const answers = new Map<string, Promise<T>>()
  return (table) => {
    const answer = answers.get(table.table) ?? ask(table)
    answers.set(table.table, answer)
    return answer
  }
}

/** Engine, server and database of a URL, without who connects. */
export function placeOf(url: string): string {
  if (!URL.canParse(url)) return ''
  const { protocol, hostname, port, pathname, searchParams } = new URL(url)
  const isPostgres = protocol.startsWith('postgres')
  const engine = isPostgres ? 'postgres' : 'mysql'
  return `${engine} ${searchParams.get('host') ?? hostname}:${port === '' ? (isPostgres ? 5432 : 3306) : port}${pathname}`
}
