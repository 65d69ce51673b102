/**
 * The bucket scan of all sides at once, in parts: each part is one short statement, so that no snapshot is held for long,
 * progress can be told, and others can be let through between two of them. Digests of parts add up.
 */
import type { Digest, Lane, Spread } from '../digest/digest.ts'
import type { Progress, Scannable, ScanOptions } from './scan.ts'
import type { Digests } from './sources/source.ts'
import { SummedDigests } from './summed-digests.ts'

/** A digest of nothing. */
export const noRows: Digest = { rows: 0n, sum: 0n, product: 0n }

/** Rows of one part: a quarter to half a second of one core. Rows that travel are one part: they stream. */
const rowsPerPart: Record<Lane, number> = { record: 500_000, portable: 160_000, travel: Number.POSITIVE_INFINITY }
/** Up to so many rows a side is read as one part, where nobody is in the way: it takes a second or two. */
const rowsAtOnceMax = 2_000_000

/** Digests of all sides, in their order. */
export async function scanDigests(
  readers: readonly Scannable[],
  spread: Spread,
  options: ScanOptions = {},
): Promise<readonly Digests[]> {
  const done = readers.map(() => 0)
  const of = Math.max(...readers.map((reader) => reader.rowsAbout))
  const tell = (s: number, rows: number): void => {
    done[s] = (done[s] ?? 0) + rows
    const progress: Progress = { rows: Math.min(...done), of }
    options.onProgress?.(progress)
  }
  return Promise.all(readers.map((reader, s) => scanSide(reader, spread, options, (rows) => tell(s, rows))))
}

async function scanSide(
  reader: Scannable,
  spread: Spread,
  { pace, within }: ScanOptions,
  tell: (rows: number) => void,
): Promise<Digests> {
  if (within !== undefined) {
    const read = () => reader.digests(spread, within)
    const range = await (pace === undefined ? read() : pace.take(reader.source, read))
    tell(total(range, [...range.keys()]))
    return range
  }
  const of = await partsOf(reader, spread.lane, pace !== undefined && (await pace.isHeldBack(reader.source)))
  if (of === 1) {
    const whole = await reader.digests(spread)
    tell(total(whole, [...whole.keys()]))
    return whole
  }
  const sum = new SummedDigests(spread)
  for (let index = 0; index < of; index += 1) {
    const read = () => reader.digests(spread, { index, of })
    const part = await (pace === undefined ? read() : pace.take(reader.source, read))
    sum.add(part)
    tell(total(part, [...part.keys()]))
  }
  return sum
}

async function partsOf(reader: Scannable, lane: Lane, isHeldBack: boolean): Promise<number> {
  if (!isHeldBack && reader.rowsPrepared <= rowsAtOnceMax) return 1
  return Math.max(1, Math.min(reader.shardsMost, Math.ceil(reader.rowsPrepared / rowsPerPart[lane])))
}

/** Rows in some buckets. */
export function total(digests: Digests, names: readonly (string | null)[]): number {
  return names.reduce((sum, name) => sum + Number(digests.get(name)?.rows ?? 0n), 0)
}
