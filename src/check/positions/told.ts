/** What the owner's log says of the columns of a row, and whether the copy's row may be what some of its events make. */
import { briefText, canonicalText, type Kind, sameValue } from '../../digest/digest.ts'
import type { KeyState, Shape } from '../compare.ts'
import type { EventFact, StreamFact } from './evidence.ts'

/** What an event says of a column. */
export interface Told {
  readonly text: string | null
  readonly version: number
}

/** A copy's row beside the log. */
export interface Held {
  readonly shape: Shape
  readonly state: KeyState
  readonly known: StreamFact | undefined
}

/**
 * What events, newest first, say of each column: the newest field of its name, `fullName` meaning `full_name`. Fields that
 * cannot be a value of the column's kind say nothing.
 */
export function toldBy(events: readonly EventFact[], shape: Shape): ReadonlyMap<string, Told> {
  const told = new Map<string, Told>()
  for (const event of events) {
    if (event.op === 'd' || event.op === 'x') break
    if (typeof event.data !== 'object' || event.data === null) continue
    const fields = new Map(Object.entries(event.data).map(([name, value]) => [plain(name), value]))
    shape.columnNames.forEach((column, c) => {
      if (told.has(column) || !fields.has(plain(column))) return
      const text = textOf(shape.kinds[c] ?? 'text', fields.get(plain(column)))
      if (text !== undefined) told.set(column, { text, version: event.version })
    })
  }
  return told
}

/** Whether two texts are the same value of the `c`th column. */
export function sameIn(shape: Shape, c: number, a: string | null | undefined, b: string | null | undefined): boolean {
  return sameValue(shape.kinds[c] ?? 'text', a ?? null, b ?? null)
}

/**
 * Whether nothing speaks against the copy's row being what `events`, newest first, make: false only where they say
 * something else. What has been erased, dropped, or never told speaks against nothing.
 */
export function mayBeOf({ shape, state, known }: Held, events: readonly EventFact[]): boolean {
  const copyRow = state.images[1]?.[0]
  const [last] = events
  if (last === undefined) return copyRow === undefined || !isWhole(known)
  if (last.op === 'x') return true
  if (last.op === 'd') return copyRow === undefined
  const told = toldBy(events, shape)
  if (copyRow === undefined) return told.size === 0
  return shape.columnNames.every((column, c) => {
    const said = told.get(column)?.text
    return said === undefined || sameIn(shape, c, said, copyRow[c])
  })
}

/** Whether all events of the stream are at hand: neither dropped nor too many to read. */
function isWhole(known: StreamFact | undefined): boolean {
  return known === undefined || known.events.at(-1)?.version === 1
}

/**
 * The newest version before the last whose events, up to it, say just what the copy's row holds. Only where they say
 * something of every column: a row that agrees with half a version is somebody's own writing.
 */
export function earlierVersionOf({ shape, state, known }: Held): number | undefined {
  const copyRow = state.images[1]?.[0]
  if (known === undefined || copyRow === undefined) return undefined
  for (let n = 1; n < known.events.length; n += 1) {
    const events = known.events.slice(n)
    if (events[0]?.op === 'd' || events[0]?.op === 'x') return undefined
    const told = toldBy(events, shape)
    const isHeld = shape.columnNames.every((column, c) => {
      const said = told.get(column)?.text
      return said !== undefined && sameIn(shape, c, said, copyRow[c])
    })
    if (isHeld) return events[0]?.version
  }
  return undefined
}

function textOf(kind: Kind, value: unknown): string | null | undefined {
  try {
    // Rows are read with their long values brief.
    return briefText(kind, canonicalText(kind, value))
  } catch {
    return undefined
  }
}

function plain(name: string): string {
  return name.replaceAll('_', '').toLowerCase()
}
