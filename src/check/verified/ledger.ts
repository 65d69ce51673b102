/**
 * What was verified and when, kept in a folder of its own, so that a check may go on where the one before it ended, or
 * was killed.
 *
 *     .selvedge/verified/
 *       lock             who checks by it now (base/folder-lock.ts)
 *       verified.json    by invariant: what it declared, how its keys are cut, and when each slice was verified
 *
 * The file is replaced as a whole, so it is never half written. What it says is only ever too little: a slice leaves it
 * before anything of it is judged, and comes back when all of it was found to hold.
 */
import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../base/clock.ts'
import { refused } from '../../base/error.ts'
import { type FolderLock, lockFolder } from '../../base/folder-lock.ts'
import { type Config, type Invariant, placeOfUrl } from '../../invariant/invariant.ts'

/** What is known of one invariant. Times in milliseconds since 1970. */
export interface Entry {
  readonly fingerprint: string
  /** Keys of a slice; undefined where it was not cut yet, or cannot be. */
  width: bigint | undefined
  /** When each slice was verified. */
  readonly ages: Map<string, number>
  /** Up to when all keys with an event were looked at. */
  touchedAtMs: number | undefined
  /** When the last run began. */
  ranAtMs: number | undefined
}

const format = 'selvedge/verified@1'

const time = z.number().nonnegative()
const kept = z.strictObject({
  fingerprint: z.string(),
  width: z
    .string()
    .regex(/^[1-9]\d{0,38}$/)
    .optional(),
  touchedAtMs: time.optional(),
  ranAtMs: time.optional(),
  slices: z.record(z.string(), time),
})
const file = z.strictObject({ format: z.literal(format), invariants: z.record(z.string(), kept) })

type Kept = z.infer<typeof kept>

/** The ledger while a check holds it. */
export class Ledger {
  readonly #path: string
  readonly #lock: FolderLock
  readonly #entries = new Map<string, Entry>()

  private constructor(path: string, lock: FolderLock) {
    this.#path = path
    this.#lock = lock
    for (const [name, kept] of Object.entries(read(path))) this.#entries.set(name, entryOf(kept))
  }

  /**
   * Opens the folder, or makes it, and holds it for this process. A file that cannot be read says nothing: then
   * everything is checked, as if for the first time.
   *
   * @throws refused `check/verified-locked` while another check holds it, and `check/verified-unusable` when it cannot
   *   be written.
   */
  static open(folder: string, clock: Clock): Ledger {
    const path = resolve(folder)
    let lock: FolderLock | undefined
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 })
      lock = lockFolder(path, clock, (holder) => locked(path, holder?.pid))
      return new Ledger(path, lock)
    } catch (error) {
      lock?.release()
      if ((error as { code?: unknown }).code === 'check/verified-locked') throw error
      const message = `What was verified cannot be kept in ${path}: ${error instanceof Error ? error.message : String(error)}.`
      throw refused('check/verified-unusable', message, 'Give a folder that this user may write.', { cause: error })
    }
  }

  /** What is known of an invariant; nothing when it declares something else than it did, or of other databases. */
  entry(name: string, fingerprint: string): Entry {
    const known = this.#entries.get(name)
    if (known?.fingerprint === fingerprint) return known
    const fresh = entryOf({ fingerprint, slices: {} })
    this.#entries.set(name, fresh)
    return fresh
  }

  /** Keeps everything: it is on disk when this returns. */
  save(): void {
    const invariants = Object.fromEntries([...this.#entries].map(([name, entry]) => [name, keptOf(entry)]))
    const path = join(this.#path, 'verified.json')
    const descriptor = openSync(`${path}.new`, 'w', 0o600)
    try {
      writeSync(descriptor, `${JSON.stringify({ format, invariants })}\n`)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(`${path}.new`, path)
  }

  close(): void {
    this.#lock.release()
  }
}

/**
 * The same for declarations that say the same of the same databases. What is verified holds for one of them only.
 * Passwords are not part of it.
 */
export function fingerprintOf({ relation }: Invariant, { sources }: Config): string {
  const places = relation.sides.map(({ source }) => placeOfUrl(sources[source]?.url ?? '') ?? source)
  const text = JSON.stringify([relation, places], (_, value) => (typeof value === 'function' ? String(value) : value))
  return createHash('sha256').update(text).digest('hex')
}

function read(path: string): Readonly<Record<string, Kept>> {
  try {
    // A width of nothing would cut the keys into nothing, and nothing would be looked at.
    return file.parse(JSON.parse(readFileSync(join(path, 'verified.json'), 'utf8'))).invariants
  } catch {
    return {}
  }
}

function entryOf({ fingerprint, width, touchedAtMs, ranAtMs, slices }: Kept): Entry {
  return {
    fingerprint,
    width: width === undefined ? undefined : BigInt(width),
    ages: new Map(Object.entries(slices)),
    touchedAtMs,
    ranAtMs,
  }
}

function keptOf({ fingerprint, width, ages, touchedAtMs, ranAtMs }: Entry): Kept {
  return {
    fingerprint,
    ...(width === undefined ? {} : { width: String(width) }),
    ...(touchedAtMs === undefined ? {} : { touchedAtMs }),
    ...(ranAtMs === undefined ? {} : { ranAtMs }),
    slices: Object.fromEntries(ages),
  }
}

function locked(path: string, pid: number | undefined): Error {
  const who = pid === undefined ? 'Another process' : `Process ${pid}`
  const help = 'Wait for it, or give this one a folder of its own: each then verifies everything by itself.'
  return refused('check/verified-locked', `${who} is checking by what ${path} says was verified.`, help, { path })
}
