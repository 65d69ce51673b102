/**
 * Randomness as a dependency: `systemRandom` draws from the operating system, `seededRandom` replays.
 *
 * A fork of a seeded source depends on the seed and the label alone, not on how much was drawn before: a new draw in
 * one part of the simulated world then changes nothing in another.
 */
import { randomFillSync } from 'node:crypto'

/** Where randomness comes from. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** An integer in [0, lessThan); `lessThan` is at least 1 and at most 2^53. */
  int(lessThan: number): number
  /** `n` random bytes, the caller's to keep. */
  bytes(n: number): Uint8Array
  /** One of `xs`, which must not be empty. */
  pick<T>(xs: readonly T[]): T
  /** `xs` in random order; `xs` itself is left alone. */
  shuffle<T>(xs: readonly T[]): T[]
  /** A source of its own for the part named `label`. */
  fork(label: string): Random
}

/** 16 KiB serve 2,048 ids for one system call; the bytes wait in memory for a few milliseconds of a busy process. */
const systemPoolBytes = 16_384

/** Cryptographically strong randomness from the operating system, drawn in pools so that an id costs no system call. */
export const systemRandom: Random = systemSource()

/**
 * Randomness that replays: the same seed gives the same draws on every machine. Not for secrets.
 *
 * @example
 * const random = seededRandom(7)
 * const faults = random.fork('faults').shuffle(['lost', 'duplicated', 'delayed'])
 */
export function seededRandom(seed: number | string): Random {
  const word = sfc32(String(seed))
  return sourceOf({ word, bytes: (n) => bytesOfWords(word, n), fork: (label) => seededRandom(`${seed}/${label}`) })
}

interface Source {
  /** 32 random bits as an unsigned integer. */
  word(): number
  bytes(n: number): Uint8Array
  fork(label: string): Random
}

function sourceOf(source: Source): Random {
  const next = () => ((source.word() >>> 5) * 0x400_0000 + (source.word() >>> 6)) / 0x20_0000_0000_0000
  const int = (lessThan: number): number => {
    if (!(lessThan >= 1 && lessThan <= Number.MAX_SAFE_INTEGER + 1)) {
      throw new RangeError(`Random.int needs a bound from 1 to 2^53, got ${lessThan}.`)
    }
    return Math.floor(next() * lessThan)
  }
  return {
    next,
    int,
    bytes: source.bytes,
    fork: source.fork,
    pick(xs) {
      if (xs.length === 0) throw new RangeError('Random.pick needs at least one element.')
      return xs[int(xs.length)]!
    },
    shuffle: (xs) => shuffled(xs, int),
  }
}

/** Fisher and Yates: every order is equally likely. */
function shuffled<T>(xs: readonly T[], int: (lessThan: number) => number): T[] {
  const result = [...xs]
  for (let last = result.length - 1; last > 0; last--) {
    const other = int(last + 1)
    const held = result[last]!
    result[last] = result[other]!
    result[other] = held
  }
  return result
}

function systemSource(): Random {
  let pool = Buffer.alloc(0)
  let used = 0
  // A spent pool is replaced, never refilled: the views that were handed out stay as they are.
  const bytes = (n: number): Uint8Array => {
    if (n > systemPoolBytes) return randomFillSync(new Uint8Array(n))
    if (used + n > pool.length) {
      pool = randomFillSync(Buffer.allocUnsafeSlow(systemPoolBytes))
      used = 0
    }
    used += n
    return new Uint8Array(pool.buffer, used - n, n)
  }
  const word = () => {
    const view = bytes(4)
    return ((view[0]! << 24) | (view[1]! << 16) | (view[2]! << 8) | view[3]!) >>> 0
  }
  const source: Random = sourceOf({ word, bytes, fork: () => source })
  return source
}

function bytesOfWords(word: () => number, n: number): Uint8Array {
  const result = new Uint8Array(n)
  for (let at = 0; at < n; at += 4) {
    const bits = word()
    for (let byte = 0; byte < 4 && at + byte < n; byte++) result[at + byte] = bits >>> (byte * 8)
  }
  return result
}

/** Chris Doty-Humphrey's sfc32: small, fast, passes PractRand; 12 rounds mix the seed in, as its author advises. */
function sfc32(seed: string): () => number {
  let [a, b, c] = hashed(seed)
  let counter = 1
  const word = () => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let round = 0; round < 12; round++) word()
  return word
}

/** Three 32-bit FNV-1a hashes of the text with different starts; the generator's own rounds finish the mixing. */
function hashed(text: string): [number, number, number] {
  const hash = (start: number) => {
    let value = start
    for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x0100_0193)
    return value
  }
  return [hash(0x811c_9dc5), hash(0x9e37_79b9), hash(0x85eb_ca6b)]
}
