/**
 * What a check needs of a place where rows are, whatever its engine. Each engine has a file of its own beside this one:
 * `postgres.ts`, `mysql.ts`, `http.ts`, and `code-side.ts` for rows that your own code reads.
 *
 *     describe -> types of all sides -> agree on forms (`digest/form.ts`) -> bind -> digests, hashes, rows
 *
 * An engine that can only read its rows one after the other derives digests and hashes from `stream`
 * (`streamed.ts`); the same is used of any engine where values must travel before they can be hashed (lane `travel`).
 */
import type { ColumnType, Digest, Form, KeyBounds, KeyRange, Spread } from '../../digest/digest.ts'
import type { Expression, Side } from '../../invariant/invariant.ts'
import type { Held, Keys } from '../images.ts'

export type { ColumnType, Form, KeyBounds, KeyRange } from '../../digest/digest.ts'
export type { Held, Keys } from '../images.ts'

/** The engines that can be read. */
export type Engine = 'postgres' | 'mysql' | 'http' | 'code'

/** Forms of a side's key parts and columns, in the order of the declaration and of `columnNames`. */
export interface Forms {
  readonly key: readonly Form[]
  readonly columns: readonly Form[]
}

/** A database or an API as checks see it. Everything that is read is read-only. */
export interface Source {
  readonly name: string
  readonly engine: Engine
  /** The service's name in logs and positions. */
  readonly service: string
  /** The schema of Selvedge's own tables, unquoted. */
  readonly schema: string
  /**
   * Asks for the types of a side; it also proves that the side can be read at all. With `columns`, these expressions
   * are its columns instead of the declared ones: the references of a child.
   *
   * @throws refused `check/unreadable` when the source is down, or the table, column or right is missing.
   */
  describe(side: Side, columns?: readonly Expression[]): Promise<Described>
  /**
   * The rows of a side with the given key and all their columns, as they are, for people to read; at most `most`.
   */
  peek(side: Side, key: readonly string[], most: number): Promise<readonly Readonly<Record<string, unknown>>[]>
  /**
   * Whether others are at work there, so that a scan should keep out of their way; told from what changed since the
   * last time it was asked. Never rejects.
   */
  isBusy(): Promise<boolean>
  close(): Promise<void>
}

/** A side whose types are known. */
export interface Described {
  /** `user.users`, or the source alone for a query. */
  readonly name: string
  readonly source: Source
  readonly side: Side
  readonly key: readonly ColumnType[]
  readonly columns: readonly ColumnType[]
  readonly columnNames: readonly string[]
  /** About how many rows there are, as people are told. */
  readonly rowsAbout: number
  /** How many rows buckets and parts are made for: where the server only guesses, at least as many as a large table has. */
  readonly rowsPrepared: number
  /**
   * Equal for two sides whose servers compute the fast `record` hash alike; undefined where there is none.
   *
   * @throws refused `check/unreadable-encoding` for a database whose text is not in UTF-8.
   */
  recordProbe(): Promise<string | undefined>
  /** The same side, which from now on writes its values in these forms. */
  bind(forms: Forms): SideReader
}

/** A row in a bad bucket: its key, and the hash of key and columns as text. */
export interface HashedRow {
  readonly key: readonly string[]
  readonly hash: string
}

/** A row with its values as canonical text. */
export interface ValuedRow {
  /** Null where a part of the key is NULL. */
  readonly key: readonly (string | null)[]
  readonly values: readonly (string | null)[]
}

/** One digest for each bucket; under `null` the rows of which a part of the key is NULL. */
export interface Digests extends Iterable<readonly [bucket: string | null, digest: Digest]> {
  get(bucket: string | null): Digest | undefined
  keys(): Iterable<string | null>
}

/** How rows are asked for by their keys. */
export interface RowsAsked {
  readonly isBrief?: boolean
}

/** How rows are read one after the other. */
export interface StreamAsked extends RowsAsked {
  /** At least the rows in these buckets are wanted: who can find them leaves out the others. */
  readonly inBuckets?: InBuckets
  /** Only rows with keys in this range, where the side has `bounds`. */
  readonly within?: KeyRange
}

/** One of `of` parts of a side, which do not overlap and leave nothing out. */
export interface Shard {
  readonly index: number
  readonly of: number
}

/** The rows in some buckets, at least of those within a range of keys. */
export interface InBuckets {
  /** What the buckets are of. */
  readonly spread: Spread
  readonly buckets: readonly string[]
  readonly within?: KeyRange
}

/** What of a side is read at once: a part of it, the rows with keys in a range, or those in some buckets. */
export type Part = Shard | KeyRange | InBuckets

/** Distinct values of a child's columns (none of them NULL), and how many rows have them. */
export interface ReferenceBatch {
  readonly references: Keys
  readonly rows: number
}

/** One side, ready to be read. Each call is one snapshot of its own, and costs one round trip unless it says otherwise. */
export interface SideReader extends Described {
  readonly forms: Forms
  /** Into how many parts a scan may be cut; 1 where nothing tells parts apart without reading everything. */
  readonly shardsMost: number
  /**
   * The least and the greatest key by their places (`ordinalOf`), undefined where there are no rows. There only where the
   * key is one integer or uuid, never NULL, that an index finds: then a part may be a range of keys.
   */
  readonly bounds?: () => Promise<KeyBounds | undefined>
  /** Digests of the whole side, or of one part of it; those of all parts add up to those of the whole. */
  digests(spread: Spread, part?: Part): Promise<Digests>
  /** Key and hash of all rows in some buckets. */
  hashes(wanted: InBuckets): Promise<readonly HashedRow[]>
  /** All rows, some thousand at a time, in no order; memory is bounded by one batch. With `isBrief` as `rows` has them. */
  stream(how?: StreamAsked): AsyncIterable<readonly ValuedRow[]>
  /**
   * What the side holds of some keys, by `rowText` of the key; a key without a row is not in it. Values keep the digits
   * that digests cut; with `isBrief` long ones are what `briefText` makes of them, and never travel whole.
   */
  rows(keys: Keys, how?: RowsAsked): Promise<ReadonlyMap<string, Held>>
  /** All distinct column values, in batches; memory is bounded by one. */
  references(): AsyncIterable<ReferenceBatch>
  /** Those of the keys that this side does not have, as `rowText`. */
  missing(keys: Keys): Promise<ReadonlySet<string>>
  /** Keys of rows whose columns are among the references, sorted, at most `most`. */
  keysOf(references: Keys, most: number): Promise<readonly (readonly string[])[]>
}
