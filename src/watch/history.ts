/**
 * The history of a watcher: an append-only folder of its own, bounded and crash-safe.
 *
 *     .selvedge/history/
 *       lock                     who watches here (base/folder-lock.ts)
 *       000000000001.jsonl       segments, oldest first; each begins with all that is known (`state`), so that older
 *       000000000002.jsonl       ones may go: they do once they are past their days or the folder past its size
 *
 * One record is one line and one write. A line that a crash tore off is cut away at the next start: what it said is
 * unknown, and everything before it holds.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { type Clock, refused } from '../base/base.ts'
import { type FolderLock, type Holder, lockFolder } from '../base/folder-lock.ts'
import { emptyState, type HistoryRecord, type HistoryState, recordOfState, stateAfter } from './history-state.ts'

/** How much is kept. */
export interface HistoryOptions {
  readonly path: string
  readonly keepDays: number
  readonly clock: Clock
  /** Bytes after which a segment ends; 1 MiB, some thousand quiet runs. */
  readonly segmentBytes?: number
  /** Bytes of all segments; the oldest go first. 64 MiB. */
  readonly keepBytes?: number
}

const segmentBytesDefault = 1 << 20
const keepBytesDefault = 64 << 20

/** The history while it is held. */
export class History {
  readonly #options: Required<HistoryOptions>
  readonly #lock: FolderLock
  #state: HistoryState = emptyState
  #segment: { readonly number: number; readonly file: number; bytes: number; readonly startBytes: number }
  /** Lines that could not be read at the start, and were left out. */
  readonly broken: number
  /** The run that had begun when the watcher before this one ended. */
  readonly interrupted: string | undefined

  private constructor(options: Required<HistoryOptions>, lock: FolderLock) {
    this.#options = options
    this.#lock = lock
    const numbers = segmentNumbers(options.path)
    const read = readNewest(options.path, numbers)
    this.#state = { ...read.state, begun: undefined }
    this.broken = read.broken
    this.interrupted = read.state.begun
    // A new segment for each start: what follows a torn line never shares a file with it.
    this.#segment = this.#begin((numbers.at(-1) ?? 0) + 1)
    this.#forget()
  }

  /**
   * Opens the folder, or makes it, and holds it for this process.
   *
   * @throws refused `watch/history-locked` when another watcher holds it, and `watch/history-unusable` when it cannot
   *   be written.
   */
  static open(options: HistoryOptions): History {
    const path = resolve(options.path)
    const whole = { segmentBytes: segmentBytesDefault, keepBytes: keepBytesDefault, ...options, path }
    let lock: FolderLock | undefined
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 })
      lock = lockFolder(path, options.clock, (holder) => locked(path, holder))
      return new History(whole, lock)
    } catch (error) {
      lock?.release()
      if ((error as { code?: unknown }).code === 'watch/history-locked') throw error
      const message = `The history in ${path} cannot be used: ${error instanceof Error ? error.message : String(error)}.`
      throw refused(
        'watch/history-unusable',
        message,
        'Give a folder that this user may write, by `watch.history.path`.',
        {
          cause: error,
        },
      )
    }
  }

  get state(): HistoryState {
    return this.#state
  }

  /**
   * Keeps a record: it is on disk when this returns.
   *
   * @throws Error of the file system, and then nothing has changed.
   */
  append(record: HistoryRecord): void {
    const line = `${JSON.stringify(record)}\n`
    this.#write(line)
    this.#state = stateAfter(this.#state, record)
    const { bytes, startBytes, number } = this.#segment
    // A segment must hold more news than the state at its start, or the folder would be states only.
    if (bytes < Math.max(this.#options.segmentBytes, 3 * startBytes)) return
    closeSync(this.#segment.file)
    this.#segment = this.#begin(number + 1)
    this.#forget()
  }

  /** Says that this process is still here; false when another one has taken the folder over. */
  beat(): boolean {
    return this.#lock.beat()
  }

  close(): void {
    closeSync(this.#segment.file)
    this.#lock.release()
  }

  #write(line: string): void {
    const { file } = this.#segment
    const before = this.#segment.bytes
    try {
      const bytes = Buffer.from(line)
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
      fdatasyncSync(file)
      this.#segment.bytes = before + bytes.length
    } catch (error) {
      // A disk that is full took half a line: the next one must not continue it.
      truncateSync(segmentPath(this.#options.path, this.#segment.number), before)
      throw error
    }
  }

  #begin(number: number): { number: number; file: number; bytes: number; startBytes: number } {
    const file = openSync(segmentPath(this.#options.path, number), 'a', 0o600)
    const line = Buffer.from(`${JSON.stringify(recordOfState(this.#state))}\n`)
    writeSync(file, line)
    fdatasyncSync(file)
    return { number, file, bytes: line.length, startBytes: line.length }
  }

  /** Removes segments that are too old or too many; the one in use stays. */
  #forget(): void {
    const { path, keepDays, keepBytes, clock } = this.#options
    const oldestMs = clock.now().getTime() - keepDays * 86_400_000
    let bytes = 0
    for (const number of segmentNumbers(path).reverse()) {
      const file = segmentPath(path, number)
      const { size, mtimeMs } = statSync(file)
      bytes += size
      if (number !== this.#segment?.number && (mtimeMs < oldestMs || bytes > keepBytes)) rmSync(file, { force: true })
    }
  }
}

/** Every record that a folder holds, oldest first; for reading beside a watcher. */
export function readHistory(path: string): readonly HistoryRecord[] {
  return segmentNumbers(path).flatMap((number) => readSegment(path, number).records)
}

/** The state at the end: the newest segment begins with all that came before it. */
function readNewest(path: string, numbers: readonly number[]): { state: HistoryState; broken: number } {
  let broken = 0
  for (let at = numbers.length - 1; at >= 0; at--) {
    const read = readSegment(path, numbers[at]!)
    broken += read.broken
    // A segment whose first line is torn never came to hold anything: the one before it is whole.
    if (read.records[0]?.kind !== 'state') continue
    return { state: read.records.reduce(stateAfter, emptyState), broken }
  }
  return { state: emptyState, broken }
}

function readSegment(path: string, number: number): { records: readonly HistoryRecord[]; broken: number } {
  const lines = readFileSync(segmentPath(path, number), 'utf8').split('\n')
  const records: HistoryRecord[] = []
  let broken = 0
  for (const line of lines) {
    if (line === '') continue
    const record = parsed(line)
    if (record === undefined) broken += 1
    else records.push(record)
  }
  return { records, broken }
}

function parsed(line: string): HistoryRecord | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && 'kind' in value ? (value as HistoryRecord) : undefined
  } catch {
    return undefined
  }
}

function segmentNumbers(path: string): number[] {
  if (!existsSync(path)) return []
  return readdirSync(path)
    .flatMap((name) => /^(\d{12})\.jsonl$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

function segmentPath(path: string, number: number): string {
  return join(path, `${String(number).padStart(12, '0')}.jsonl`)
}

function locked(path: string, holder: Holder | undefined): Error {
  const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`
  const message = `Another watcher, ${who}, keeps its history in ${path}.`
  const help =
    'One watcher is enough for a configuration. For a second one give it a folder of its own: `watch.history.path`.'
  return refused('watch/history-locked', message, help, { path, pid: holder?.pid ?? 0 })
}
