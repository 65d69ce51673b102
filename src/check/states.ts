/**
 * Which keys are in two states that may not be together. No digest tells that, so keys and states of both sides are read, once
 * and at the same time, into a table of a few bytes a key; where a pair is wrong, both sides are read once more, to find by which
 * keys. Keys beyond what a table may hold are read in ranges where an index finds those, else in parts, each by reading all.
 */
import { type KeyRange, rowText } from '../digest/digest.ts'
import type { AllowedStates } from '../invariant/invariant.ts'
import { type ByState, isAllowedPair, stateOf } from './compare.ts'
import { byRowText } from './images.ts'
import { boundsOfAll } from './key-bounds.ts'
import { candidatesMax, type Scan, type ScanOptions } from './scan.ts'
import type { SideReader, ValuedRow } from './sources/source.ts'
import { doubled, type KeyPart, keySeeds, StateTable, tableKeysMost } from './state-table.ts'

/** What may be given to a scan of states; `tableKeysMost` unless told otherwise. */
export interface StateOptions extends ScanOptions {
  readonly keysMost?: number
}

/** The keys whose states may not be together, at most `candidatesMax` of them. */
export async function scanStates(
  { allowed }: ByState,
  readers: readonly SideReader[],
  options: StateOptions = {},
): Promise<Scan> {
  const numbers = numbersOf(allowed)
  const found: Found[] = []
  let rows = 0
  const of = Math.max(...readers.map((reader) => reader.rowsAbout))
  const tell = (more: number) => options.onProgress?.({ rows: rows + Math.floor(more), of })
  for (const range of await rangesOf(readers, options)) {
    const some = await scanRange({ readers, numbers, range, options, tell })
    found.push(...some)
    rows += some.reduce((sum, one) => sum + Math.max(...one.rows), 0)
  }
  return scanOf(readers, found)
}

/** A range of keys that about fills a table, or all keys. */
interface Range {
  readonly within: KeyRange | undefined
  readonly keysAbout: number
}

/** Of a range that somebody gave nobody knows how many rows are in it. */
const keysUnknown = 10_000

async function rangesOf(
  readers: readonly SideReader[],
  { within, keysMost = tableKeysMost }: StateOptions,
): Promise<Range[]> {
  if (within !== undefined) return [{ within, keysAbout: keysUnknown }]
  const keysAbout = Math.max(...readers.map((reader) => reader.rowsPrepared))
  const parts = Math.ceil(keysAbout / keysMost)
  const bounds = parts < 2 ? undefined : await boundsOfAll(readers)
  if (bounds === undefined) return [{ within, keysAbout }]
  const { least, greatest } = bounds
  const from = (part: number) => least + ((greatest - least + 1n) * BigInt(part)) / BigInt(parts)
  return Array.from({ length: parts }, (_, part) => ({
    within: { from: from(part), to: from(part + 1) - 1n },
    keysAbout: keysAbout / parts,
  }))
}

/** What was found of some keys; rows of each side. */
interface Found {
  readonly keys: readonly (readonly string[])[]
  readonly rows: readonly number[]
  readonly keyless: readonly number[]
  readonly all: number
  readonly wrong: number
}

interface Work {
  readonly readers: readonly SideReader[]
  readonly numbers: Numbers
  readonly range: Range
  readonly options: StateOptions
  readonly tell: (rows: number) => void
}

/** A range of more keys than a table holds is read in halves, since keys may lie close together. */
async function scanRange(work: Work): Promise<readonly Found[]> {
  const { within, keysAbout } = work.range
  if (within === undefined) return [await scanParts(work)]
  const states = new States(work)
  await states.scan({ seeds: keySeeds(), index: 0, of: 1 })
  if (!states.isOverfull) return [states.found(1)]
  const middle = (within.from + within.to) >> 1n
  const half = (from: bigint, to: bigint) =>
    scanRange({ ...work, range: { within: { from, to }, keysAbout: keysAbout / 2 } })
  return [...(await half(within.from, middle)), ...(await half(middle + 1n, within.to))]
}

/** All keys, in as many parts as it takes; each part reads everything. */
async function scanParts(work: Work): Promise<Found> {
  const seeds = keySeeds()
  const { keysMost = tableKeysMost } = work.options
  for (let of = Math.max(1, Math.ceil(work.range.keysAbout / keysMost)); ; of *= 2) {
    const states = new States(work)
    for (let index = 0; index < of && !states.isOverfull; index += 1) await states.scan({ seeds, index, of })
    if (!states.isOverfull) return states.found(of)
  }
}

function scanOf(readers: readonly SideReader[], found: readonly Found[]): Scan {
  const keys = found.flatMap((one) => one.keys).sort(byRowText)
  const sum = (of: (one: Found) => number) => found.reduce((total, one) => total + of(one), 0)
  const [all, wrong] = [sum((one) => one.all), sum((one) => one.wrong)]
  const rowsWithoutKey = readers.map(({ name }, s) => ({ side: name, rows: sum((one) => one.keyless[s] ?? 0) }))
  const stopped = keys.length > candidatesMax
  return {
    keys: keys.slice(0, candidatesMax),
    rows: Math.max(...readers.map((_, s) => sum((one) => one.rows[s] ?? 0))),
    rowsWithoutKey: rowsWithoutKey.filter(({ rows }) => rows > 0),
    stopped,
    ...(stopped ? { differsAbout: wrong } : {}),
    nearlyAll: wrong > 0 && wrong >= all * 0.9,
  }
}

class States {
  /** More keys than the parts were made for. */
  isOverfull = false
  readonly #work: Work
  readonly #keys: (readonly string[])[] = []
  readonly #rows: [number, number] = [0, 0]
  readonly #keyless: [number, number] = [0, 0]
  #all = 0
  #wrong = 0

  constructor(work: Work) {
    this.#work = work
  }

  /** Adds the wrong keys of one part. */
  async scan(part: KeyPart): Promise<void> {
    const { numbers, range, options } = this.#work
    const table = new StateTable(part, range.keysAbout / part.of, options.keysMost)
    await this.#bothSides((side, rows) => this.#note(table, side, rows, part))
    if (this.isOverfull) return
    const wrong = table.count((left, right) => !numbers.isAllowed(left, right))
    this.#all += table.size
    this.#wrong += wrong
    if (wrong > 0 && this.#keys.length <= candidatesMax) await this.#find(table, wrong)
  }

  /** Every part read all rows, and found its own keys. */
  found(parts: number): Found {
    const rows = this.#rows.map((count) => count / parts)
    return { keys: this.#keys, rows, keyless: this.#keyless, all: this.#all, wrong: this.#wrong }
  }

  #note(table: StateTable, side: 0 | 1, rows: readonly ValuedRow[], { index, of }: KeyPart): boolean {
    const { numbers, tell } = this.#work
    for (const { key, values } of rows) {
      if (key.includes(null)) this.#keyless[side] += index === 0 ? 1 : 0
      else if (!table.note(side, rowText(key), numbers.of(side, stateOf(values)))) this.isOverfull = true
    }
    this.#rows[side] += rows.length
    tell(Math.min(...this.#rows) / of)
    return this.isOverfull
  }

  /** Reads on until the wrong keys of the table are found; one that is gone meanwhile is wrong no more. */
  async #find(table: StateTable, wrong: number): Promise<void> {
    const { isAllowed } = this.#work.numbers
    const found = new Map<string, readonly string[]>()
    await this.#bothSides((_, rows) => {
      for (const { key } of rows) {
        if (key.includes(null)) continue
        const text = rowText(key)
        if (!isAllowed(...table.pairOf(text))) found.set(text, key as readonly string[])
      }
      return found.size >= wrong || this.#keys.length + found.size > candidatesMax
    })
    this.#keys.push(...found.values())
  }

  /** Reads both sides, until `take` has enough of them. */
  async #bothSides(take: (side: 0 | 1, rows: readonly ValuedRow[]) => boolean): Promise<void> {
    const { readers, range } = this.#work
    let isEnough = false
    const read = async (side: 0 | 1) => {
      for await (const rows of readers[side]!.stream(range.within === undefined ? {} : { within: range.within })) {
        isEnough ||= take(side, rows)
        if (isEnough) return
      }
    }
    await Promise.all([read(0), read(1)])
  }
}

/** States as numbers: those that a list of pairs names, and one for all others. */
interface Numbers {
  of(side: 0 | 1, state: string): number
  readonly isAllowed: (left: number, right: number) => boolean
}

function numbersOf(allowed: AllowedStates): Numbers {
  const sides = [0, 1].map((side) => [...new Set(allowed.flatMap((pair) => pair[side as 0 | 1] ?? []))])
  const [left = [], right = []] = sides
  const numbers = sides.map((states) => new Map(states.map((state, i) => [state, i + 1])))
  const named = (states: readonly string[]) => [null, ...states]
  const may = named(left).map((l) => named(right).map((r) => isAllowedPair(allowed, l, r)))
  return {
    of: (side, state) => numbers[side]?.get(state) ?? other,
    isAllowed: (l, r) => may[l]?.[r] ?? false,
  }
}

/** A state that no pair names. */
const other = doubled - 1
