/**
 * Parts of a table by ranges of its integer primary key. The bounds are read once and kept, so that all parts of a scan
 * are cut alike; the first and the last are open, so that rows beyond them are in one of them.
 */
import { bucketRanges, type KeyBounds, type KeyRange } from '../../digest/digest.ts'
import type { Side } from '../../invariant/invariant.ts'
import type { MysqlSource } from './mysql.ts'
import { quoteMysql, selectMysql } from './mysql-sql.ts'
import type { MysqlTable } from './mysql-types.ts'
import type { InBuckets, Shard } from './source.ts'

/** A part of fewer rows costs more in round trips than it spares the server. */
const rowsPerShardLeast = 100_000

/** Into how many parts a side can be cut, and the condition of each. */
export interface Shards {
  readonly most: number
  /** The least and the greatest key as they are now, where the key is what parts are cut by. */
  readonly bounds?: () => Promise<KeyBounds | undefined>
  condition(part: Shard | KeyRange | undefined): Promise<string | undefined>
  /** Where the rows of integer buckets lie; undefined where only reading all rows tells. */
  ranges(asked: InBuckets): Promise<string | undefined>
}

/** More ranges than this for each bucket mean sparse keys: then reading the whole table is cheaper. */
const rangesPerBucketMax = 8

/** The parts of a side. */
export function shardsOf(source: MysqlSource, side: Side, { rowsAbout, shardColumn }: MysqlTable): Shards {
  if (shardColumn === undefined || side.rows.kind !== 'table')
    return { most: 1, condition: async () => undefined, ranges: async () => undefined }
  const column = quoteMysql(shardColumn)
  const { where: _, ...whole } = side
  const [key, ...more] = side.key
  const isKey =
    more.length === 0 &&
    (key === shardColumn || (typeof key === 'object' && 'column' in key && key.column === shardColumn))
  let bounds: Promise<KeyBounds | undefined> | undefined
  const read = async () => {
    const sql = selectMysql(
      { ...whole, where: undefined },
      `cast(min(${column}) as char), cast(max(${column}) as char)`,
    )
    const [row] = await source.read((snapshot) => snapshot.rows(sql))
    const [least, greatest] = row ?? []
    if (least == null || greatest == null) return undefined
    return { least: BigInt(String(least)), greatest: BigInt(String(greatest)) }
  }
  return {
    most: Math.max(1, Math.floor(rowsAbout / rowsPerShardLeast)),
    ...(isKey ? { bounds: read } : {}),
    condition: async (part) => {
      if (part === undefined) return undefined
      if ('from' in part) return `${column} between ${part.from} and ${part.to}`
      if (part.of < 2) return undefined
      // A failure is not kept: the next scan asks again.
      bounds ??= read().catch((error: unknown) => {
        bounds = undefined
        throw error
      })
      return conditionOf(column, (await bounds) ?? { least: 0n, greatest: 0n }, part)
    },
    ranges: async ({ spread, buckets, within }) => {
      if (!isKey || !spread.byInteger) return undefined
      // Read anew: rows that came since the scan belong to its buckets as well.
      const keys = within === undefined ? await read() : { least: within.from, greatest: within.to }
      if (keys === undefined) return 'false'
      const ranges = bucketRanges(spread, buckets, keys, buckets.length * rangesPerBucketMax)
      return (
        ranges && `(${ranges.map(({ from, to }) => `${column} between ${from} and ${to}`).join(' or ') || 'false'})`
      )
    },
  }
}

function conditionOf(column: string, { least, greatest }: KeyBounds, { index, of }: Shard): string {
  const from = (i: number) => least + ((greatest - least + 1n) * BigInt(i)) / BigInt(of)
  const conditions = [
    index === 0 ? undefined : `${column} >= ${from(index)}`,
    index === of - 1 ? undefined : `${column} < ${from(index + 1)}`,
  ]
  return conditions.filter((part) => part !== undefined).join(' and ')
}
