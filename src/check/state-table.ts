/**
 * Which states two sides hold of each key, in twelve bytes a slot: a million keys take 24 MiB. A key is a hash of 64 bits,
 * seeded anew for each scan: among 25,000,000 keys any two share one with a chance of 2 in 100,000, and nobody can choose keys
 * that do. What a table says is looked at again by the keys themselves, so that two that share one make no finding.
 */
import { randomInt } from 'node:crypto'

/** What a side holds of a key: nothing, a state by its number (from 1 on), or more than one row. */
export const absent = 0
export const doubled = 0xffff

/** What both sides hold of a key. */
export type Pair = readonly [left: number, right: number]

/** Which keys a table is for: a part of them, by their hash. */
export interface KeyPart {
  readonly seeds: readonly [number, number]
  readonly index: number
  readonly of: number
}

/** Seeds of a scan. */
export function keySeeds(): KeyPart['seeds'] {
  return [randomInt(2 ** 32), randomInt(2 ** 32)]
}

const shareFull = 0.75
/** Keys of one table at most: 1,572,864 in 24 MiB. */
export const tableKeysMost = 2 ** 21 * shareFull

export class StateTable {
  /** Distinct keys. */
  size = 0
  readonly #part: KeyPart
  readonly #slotsMost: number
  #slots: number
  #high: Uint32Array
  #low: Uint32Array
  #states: Uint16Array

  /** Starts with room for `keysAbout`; it grows as it must, which takes half as much again for a moment. */
  constructor(part: KeyPart, keysAbout: number, keysMost = tableKeysMost) {
    this.#part = part
    this.#slotsMost = slotsFor(keysMost)
    this.#slots = Math.min(this.#slotsMost, slotsFor(keysAbout))
    ;[this.#high, this.#low, this.#states] = room(this.#slots)
  }

  /** Notes what a side holds of a key, if the key is of this part; a second row makes it doubled. False where there is no room. */
  note(side: 0 | 1, key: string, state: number): boolean {
    const [high, low] = this.#hashOf(key)
    if (high % this.#part.of !== this.#part.index) return true
    let slot = this.#slotOf(high, low)
    if (this.#isFree(slot)) {
      if (this.size >= this.#slots * shareFull) {
        if (this.#slots >= this.#slotsMost) return false
        this.#grow()
        slot = this.#slotOf(high, low)
      }
      this.#high[slot] = high
      this.#low[slot] = low
      this.size += 1
    }
    const at = slot * 2 + side
    this.#states[at] = this.#states[at] === absent ? state : doubled
    return true
  }

  /** What both sides hold of a key; nothing of a key that was not noted. */
  pairOf(key: string): Pair {
    const [high, low] = this.#hashOf(key)
    return this.#pairAt(this.#slotOf(high, low))
  }

  /** The number of keys whose states are no pair that may be. */
  count(isWrong: (left: number, right: number) => boolean): number {
    let count = 0
    for (let slot = 0; slot < this.#slots; slot += 1)
      if (!this.#isFree(slot) && isWrong(...this.#pairAt(slot))) count += 1
    return count
  }

  /** Two hashes of 32 bits side by side; the end makes every bit depend on both, and takes no two pairs for one. */
  #hashOf(key: string): readonly [high: number, low: number] {
    let [a, b] = this.#part.seeds
    for (let i = 0; i < key.length; i += 1) {
      const code = key.charCodeAt(i)
      a = Math.imul(a ^ code, 0x9e3779b1)
      b = Math.imul(b ^ code, 0x85ebca77)
      a = (a << 13) | (a >>> 19)
      b = (b << 15) | (b >>> 17)
    }
    const high = mixed(a ^ mixed(b))
    return [high, mixed(b ^ high)]
  }

  #slotOf(high: number, low: number): number {
    const mask = this.#slots - 1
    for (let slot = low & mask; ; slot = (slot + 1) & mask)
      if (this.#isFree(slot) || (this.#high[slot] === high && this.#low[slot] === low)) return slot
  }

  #isFree(slot: number): boolean {
    return this.#states[slot * 2] === absent && this.#states[slot * 2 + 1] === absent
  }

  #pairAt(slot: number): Pair {
    return [this.#states[slot * 2] ?? absent, this.#states[slot * 2 + 1] ?? absent]
  }

  #grow(): void {
    const [high, low, states, slots] = [this.#high, this.#low, this.#states, this.#slots]
    this.#slots = slots * 2
    ;[this.#high, this.#low, this.#states] = room(this.#slots)
    for (let from = 0; from < slots; from += 1) {
      if (states[from * 2] === absent && states[from * 2 + 1] === absent) continue
      const slot = this.#slotOf(high[from]!, low[from]!)
      this.#high[slot] = high[from]!
      this.#low[slot] = low[from]!
      this.#states.set(states.subarray(from * 2, from * 2 + 2), slot * 2)
    }
  }
}

function slotsFor(keys: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, keys) / shareFull))
}

function room(slots: number): [Uint32Array, Uint32Array, Uint16Array] {
  return [new Uint32Array(slots), new Uint32Array(slots), new Uint16Array(slots * 2)]
}

/** The last step of MurmurHash3, of which every bit of the result depends on every bit of `n`. */
function mixed(n: number): number {
  let h = n
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
