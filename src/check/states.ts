/**
 * Which keys are in two states that may not be together. No digest tells that, so keys and states of both sides are read, once
 * and at the same time, into a table of a few bytes a key; where a pair is wrong, both sides are read once more, to find by which
 * keys. Keys beyond what a table may hold are read in parts, each by reading all.
 */
import { rowText } from '../digest/digest.ts'
import type { AllowedStates, Relation } from '../invariant/invariant.ts'
import { isAllowedPair, stateOf } from './compare.ts'
import { byRowText } from './images.ts'
import { candidatesMax, type Scan, type ScanOptions } from './scan.ts'
import type { SideReader, ValuedRow } from './sources/source.ts'
import { doubled, type KeyPart, keySeeds, StateTable, tableKeysMost } from './state-table.ts'

/** A relation that lists the pairs of its states. */
export type ByState = Extract<Relation, { kind: 'correspondsTo' }> & { readonly allowed: AllowedStates }
/** Left and right. */
export type StateReaders = readonly [SideReader, SideReader]

/** Where only some pairs of states may be, equal digests mean nothing. */
export function isByState(relation: Relation): relation is ByState {
  return relation.kind === 'correspondsTo' && relation.allowed !== undefined
}

/** What may be given to a scan of states; `tableKeysMost` unless told otherwise. */
export interface StateOptions extends ScanOptions {
  readonly keysMost?: number
}

/** The keys whose states may not be together, at most `candidatesMax` of them. */
export async function scanStates(
  { allowed }: ByState,
  readers: StateReaders,
  options: StateOptions = {},
): Promise<Scan> {
  const seeds = keySeeds()
  const rowsAbout = Math.max(...readers.map((reader) => reader.rowsAbout))
  const { keysMost = tableKeysMost } = options
  for (let of = Math.max(1, Math.ceil(rowsAbout / keysMost)); ; of *= 2) {
    const states = new States(readers, numbersOf(allowed), options)
    for (let index = 0; index < of && !states.isOverfull; index += 1) await states.scan({ seeds, index, of })
    if (!states.isOverfull) return states.found(of)
  }
}

class States {
  /** More keys than the parts were made for. */
  isOverfull = false
  readonly #readers: StateReaders
  readonly #numbers: Numbers
  readonly #options: StateOptions
  readonly #keys: (readonly string[])[] = []
  /** Rows of each side, those without a key, and all keys and the wrong ones. */
  readonly #rows: [number, number] = [0, 0]
  readonly #keyless: [number, number] = [0, 0]
  #all = 0
  #wrong = 0

  constructor(readers: StateReaders, numbers: Numbers, options: StateOptions) {
    this.#readers = readers
    this.#numbers = numbers
    this.#options = options
  }

  /** Adds the wrong keys of one part. */
  async scan(part: KeyPart): Promise<void> {
    const { isAllowed } = this.#numbers
    const rowsAbout = Math.max(...this.#readers.map((reader) => reader.rowsAbout))
    const table = new StateTable(part, rowsAbout / part.of, this.#options.keysMost)
    await this.#bothSides((side, rows) => this.#note(table, side, rows, part))
    if (this.isOverfull) return
    const wrong = table.count((left, right) => !isAllowed(left, right))
    this.#all += table.size
    this.#wrong += wrong
    if (wrong > 0 && this.#keys.length <= candidatesMax) await this.#find(table, wrong)
  }

  found(parts: number): Scan {
    const keys = this.#keys.sort(byRowText)
    const stopped = keys.length > candidatesMax
    const rowsWithoutKey = this.#readers.map(({ name }, s) => ({ side: name, rows: this.#keyless[s] ?? 0 }))
    return {
      keys: keys.slice(0, candidatesMax),
      rows: Math.max(...this.#rows) / parts,
      rowsWithoutKey: rowsWithoutKey.filter(({ rows }) => rows > 0),
      stopped,
      ...(stopped ? { differsAbout: this.#wrong } : {}),
      nearlyAll: this.#wrong > 0 && this.#wrong >= this.#all * 0.9,
    }
  }

  #note(table: StateTable, side: 0 | 1, rows: readonly ValuedRow[], { index, of }: KeyPart): boolean {
    for (const { key, values } of rows) {
      if (key.includes(null)) this.#keyless[side] += index === 0 ? 1 : 0
      else if (!table.note(side, rowText(key), this.#numbers.of(side, stateOf(values)))) this.isOverfull = true
    }
    this.#rows[side] += rows.length
    const done = Math.min(...this.#rows) / of
    this.#options.onProgress?.({ rows: Math.floor(done), of: Math.max(...this.#readers.map((one) => one.rowsAbout)) })
    return this.isOverfull
  }

  /** Reads on until the wrong keys of the table are found; one that is gone meanwhile is wrong no more. */
  async #find(table: StateTable, wrong: number): Promise<void> {
    const { isAllowed } = this.#numbers
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
    const { within } = this.#options
    let isEnough = false
    const read = async (side: 0 | 1) => {
      for await (const rows of this.#readers[side].stream(within === undefined ? {} : { within })) {
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
