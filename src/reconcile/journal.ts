/**
 * What repairs did, as an append-only file: one JSON document a line, each with the hash of the one before it. A line is
 * on disk (fsync) before what it announces happens, so a process that dies leaves at most one step whose outcome must be
 * looked up (`recover.ts`).
 *
 *     run-started -> (started -> written? -> done | skipped | failed | reset)* -> verified* -> ended
 *
 * The chain shows a line that was changed, taken out or put in. It cannot show that the newest lines are missing: each
 * run says the hash it ended with, for people who keep it elsewhere.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../base/clock.ts'
import { isSelvedgeError, refused } from '../base/error.ts'
import { type Approval, type PlanStep, sha256 } from './plan-file.ts'
import type { FullRow } from './writers/writer.ts'

/** One fact. */
export type Fact =
  | {
      readonly kind: 'run-started'
      readonly run: string
      readonly plan: string
      readonly steps: number
      readonly approvals: readonly Approval[]
      /** The run that this one takes back. */
      readonly undoes?: string
      readonly by?: string
    }
  | { readonly kind: 'started'; readonly run: string; readonly step: PlanStep }
  | {
      readonly kind: 'written'
      readonly run: string
      readonly step: number
      /** Names the transaction, where its outcome can be asked for. */
      readonly transaction?: string
      /** The row as the step leaves it; null where it leaves none. */
      readonly after: FullRow | null
      readonly afterHash: string
    }
  | { readonly kind: Outcome; readonly run: string; readonly step: number; readonly why: string }
  /** The step took no effect and may be run again. */
  | { readonly kind: 'reset'; readonly run: string; readonly step: number; readonly why: string }
  | {
      readonly kind: 'verified'
      readonly run: string
      readonly invariant: string
      readonly holding: readonly string[]
      readonly differing: readonly string[]
    }
  | { readonly kind: 'stopped'; readonly run: string; readonly why: string }
  | {
      readonly kind: 'ended'
      readonly run: string
      readonly done: number
      readonly skipped: number
      readonly failed: number
    }

/** How a step came out. */
export type Outcome = 'done' | 'skipped' | 'failed'

/** A fact in its place in the chain. */
export type JournalEntry = Fact & {
  readonly n: number
  readonly at: string
  readonly previous: string
  readonly hash: string
}

/** The file of a folder. */
export interface Journal {
  readonly path: string
  readonly entries: readonly JournalEntry[]
  /** Resolves nothing: when it returns, the fact is on disk. */
  append(fact: Fact): JournalEntry
}

const noHash = '0'.repeat(64)

/**
 * Opens the journal of a folder, and checks its chain. A last line that was cut off is left out: it belongs to a crash,
 * and nothing that it would have announced has happened, or somebody is writing it right now. The next `append` removes it.
 *
 * @throws Refused `reconcile/journal-broken` when a line was changed; `reconcile/journal-unusable` when the file cannot be
 *   read, and, of `append`, when it cannot be written: then nothing of the line is left in it.
 */
export function openJournal(folder: string, clock: Clock = systemClock): Journal {
  const path = join(folder, 'journal.jsonl')
  const text = existsSync(path) ? usable(path, () => readFileSync(path, 'utf8')) : ''
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  const entries = entriesOf(whole, path)
  let bytes = Buffer.byteLength(whole)
  return {
    path,
    entries,
    append: (fact) => {
      const previous = entries.at(-1)?.hash ?? noHash
      const body = { n: entries.length + 1, at: clock.now().toISOString(), ...fact, previous }
      const entry: JournalEntry = { ...body, hash: sha256(JSON.stringify(body)) }
      bytes = usable(path, () => {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        return writeDurably(path, Buffer.from(`${JSON.stringify(entry)}\n`), bytes)
      })
      entries.push(entry)
      return entry
    },
  }
}

/** What the file system refuses, said with the file and what to do. */
export function usable<T>(path: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    const { code, message } = error as { readonly code?: unknown; readonly message?: string }
    if (isSelvedgeError(error) || typeof code !== 'string') throw error
    throw refused(
      'reconcile/journal-unusable',
      `${path} cannot be used: ${message}.`,
      'No row is written that the journal cannot tell of. Make room or give the right, and apply the same plan again; it goes on.',
      { cause: error, path },
    )
  }
}

function entriesOf(text: string, path: string): JournalEntry[] {
  const entries: JournalEntry[] = []
  for (const line of text.split('\n').slice(0, -1)) {
    const entry = entryOf(line)
    const previous = entries.at(-1)?.hash ?? noHash
    if (entry === undefined || entry.previous !== previous || entry.n !== entries.length + 1)
      throw refused(
        'reconcile/journal-broken',
        `Line ${entries.length + 1} of ${path} is not what was written there.`,
        'Somebody changed the audit trail. Keep the file, find out who, and go on with another folder.',
        { line: entries.length + 1 },
      )
    entries.push(entry)
  }
  return entries
}

function entryOf(line: string): JournalEntry | undefined {
  try {
    const { hash, ...body } = JSON.parse(line) as JournalEntry
    return sha256(JSON.stringify(body)) === hash ? ({ ...body, hash } as JournalEntry) : undefined
  } catch {
    return undefined
  }
}

/**
 * The file is opened for each line: repairs are few, and an open handle would outlive a caller that forgets to close it.
 * A full disk takes a part of a line: it is removed, or the next line would go on where it ends.
 */
function writeDurably(path: string, line: Buffer, from: number): number {
  const isNew = !existsSync(path)
  const file = openSync(path, 'a', 0o600)
  try {
    mustBeginAt(file, path, from)
    try {
      for (let written = 0; written < line.length; ) written += writeSync(file, line, written)
      fsyncSync(file)
    } catch (error) {
      ftruncateSync(file, from)
      throw error
    }
  } finally {
    closeSync(file)
  }
  if (isNew) syncFolder(join(path, '..'))
  return from + line.length
}

function mustBeginAt(file: number, path: string, from: number): void {
  const { size } = fstatSync(file)
  if (size > from) ftruncateSync(file, from)
  if (size >= from) return
  throw refused(
    'reconcile/journal-broken',
    `${path} lost lines while a repair wrote it.`,
    'Somebody changed the audit trail. Keep the file, find out who, and go on with another folder.',
  )
}

/** A new name in a folder is durable only when the folder is. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
