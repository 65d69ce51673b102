/**
 * Sums that differ by what is under way: first side = second side + in flight, group by group. In flight is what events
 * of the first side's log move that the consumer at the second side has not applied.
 *
 *     second side: one snapshot of its sums, positions and waiting events, kept open
 *     first side:  after that one snapshot of its sums and of all events that those positions are not past
 *
 * An event and the row that it speaks of commit together, and so do what is applied and its position: the two snapshots
 * with the events between them leave nothing out and count nothing twice. No clock is involved.
 */
import { formatDuration } from '../../base/duration.ts'
import { refused } from '../../base/error.ts'
import { rowText, sameValue } from '../../digest/digest.ts'
import type { Amount, Moved, Transit } from '../../invariant/invariant.ts'
import { type Queryable, quoteIdentifier } from '../../store/store.ts'
import { formsOf, type KeyState } from '../compare.ts'
import type { Comparison } from '../comparison.ts'
import { type Keys, statesOf } from '../images.ts'
import { findingOf, type Judge, type Judgement } from '../judge.ts'
import { isPostgresReader, type PostgresReader } from '../sources/postgres-side.ts'
import { covers, type PositionFact } from './evidence.ts'
import { exactSum } from './exact-sum.ts'
import { areReadable } from './positions.ts'
import { readPositions } from './read-copy.ts'

/** What the two databases of a sum with something in flight offer. */
export interface TransitSides {
  readonly from: PostgresReader
  readonly to: PostgresReader
  readonly transit: Transit
  readonly consumer: string
}

/** More events than this under way are a consumer that stands still; nothing is said of sums then. */
const eventsMax = 100_000

/** Whether positions can tell what is in flight for this invariant; otherwise undefined, and double reads must decide. */
export async function findTransit({ invariant, readers }: Comparison): Promise<TransitSides | undefined> {
  const [from, to] = readers
  const { transit } = invariant
  if (transit === undefined || from === undefined || to === undefined) return undefined
  if (!isPostgresReader(from) || !isPostgresReader(to)) return undefined
  const isLogThere = await areReadable(from, ['log', 'epoch'])
  if (!isLogThere || !(await areReadable(to, ['position', 'parked_event', 'applied']))) return undefined
  const positions = await to.source.read((snapshot) =>
    readPositions(snapshot, { reader: to, service: from.source.service, consumer: transit.consumer }),
  )
  const consumers = new Set(positions.map(({ consumer }) => consumer))
  const [consumer] = consumers
  return consumer === undefined || consumers.size > 1 ? undefined : { from, to, transit, consumer }
}

/** The judge of sums with something in flight. It never waits. */
export function transitJudge(comparison: Comparison, sides: TransitSides): Judge {
  return {
    async look(keys) {
      const looked = await readTransit(sides, keys)
      return new Map([...looked.states].map(([text, state]) => [text, judge(comparison, state, looked)]))
    },
  }
}

/**
 * The groups to which something is under way: their sums may be equal although they must not be. Undefined when nobody can
 * tell.
 */
export async function groupsInFlight(sides: TransitSides): Promise<Keys | undefined> {
  const { inFlight } = await readTransit(sides, [])
  return inFlight && [...inFlight.values()].flatMap(([first]) => (first === undefined ? [] : [keyOf(first.moved)]))
}

/** What one event moves, and since when. */
interface InFlight {
  readonly moved: Moved
  readonly type: string
  readonly ageMs: number
}

interface Looked {
  readonly states: ReadonlyMap<string, KeyState>
  /** By the text of the group's key; undefined when it cannot be told. */
  readonly inFlight: ReadonlyMap<string, readonly InFlight[]> | undefined
}

/** An event that is not applied, and its age in milliseconds. */
interface UnderWay {
  readonly stream: string
  readonly version: string
  readonly type: string
  readonly data: never
  readonly age: number
}

interface EventRow extends UnderWay {
  readonly seq: string
  readonly xid: string
  readonly lane: number
}

async function readTransit({ from, to, transit, consumer }: TransitSides, keys: Keys): Promise<Looked> {
  const service = from.source.service
  return to.source.read(async (arrived) => {
    const images = await to.rowsIn(arrived, keys)
    const positions = await readPositions(arrived, { reader: to, service, consumer })
    const sent = await from.source.read(async (snapshot) => ({
      images: await from.rowsIn(snapshot, keys),
      ...(await readUnread(snapshot, from.source.schema, positions, Object.keys(transit.of))),
    }))
    const states = statesOf(keys, [sent.images, images])
    const isKnown = positions.every(({ epoch }) => epoch === sent.epoch) && sent.events.length <= eventsMax
    if (!isKnown) return { states, inFlight: undefined }
    const place = { to, service, consumer }
    const events = [...(await notApplied(arrived, place, sent.events)), ...(await readWaiting(arrived, place))]
    return { states, inFlight: byGroup(once(events), transit) }
  })
}

/** Events of these types that the positions are not past. */
async function readUnread(
  snapshot: Queryable,
  schema: string,
  positions: readonly PositionFact[],
  types: readonly string[],
): Promise<{ readonly epoch: number; readonly events: readonly EventRow[] }> {
  const s = quoteIdentifier(schema)
  const [low] = positions.map(({ previous }) => previous.low).sort((a, b) => (a < b ? -1 : 1))
  const [epochs, found] = await Promise.all([
    snapshot.query<{ epoch: number }>(`select max(epoch) as epoch from ${s}.epoch`),
    snapshot.query<EventRow>(
      `select stream, version::text, seq::text, xid::text, lane, type, data, (extract(epoch from ${s}.now() - at) * 1000)::float8 as age
       from ${s}.log where xid >= $1::text::xid8 and type = any($2) order by seq limit ${eventsMax + 1}`,
      [String(low), types],
    ),
  ])
  const lanes = new Map(positions.map((position) => [position.lane, position]))
  const events = found.rows.filter(({ lane, xid, seq }) => {
    const position = lanes.get(lane)
    return position === undefined || !covers(position, { xid: BigInt(xid), seq: BigInt(seq) })
  })
  return { epoch: epochs.rows[0]?.epoch ?? 0, events: found.rows.length > eventsMax ? found.rows : events }
}

interface Place {
  readonly to: PostgresReader
  readonly service: string
  readonly consumer: string
}

/** Messages that came by a hint are applied before the position says so: then the version of their stream does. */
async function notApplied(arrived: Queryable, place: Place, events: readonly EventRow[]): Promise<readonly EventRow[]> {
  if (events.length === 0) return []
  const s = quoteIdentifier(place.to.source.schema)
  const { rows } = await arrived.query<{ stream: string; version: string }>(
    `select stream, version::text from ${s}.applied where source = $1 and consumer = $2 and stream = any($3)`,
    [place.service, place.consumer, [...new Set(events.map(({ stream }) => stream))]],
  )
  const applied = new Map(rows.map(({ stream, version }) => [stream, BigInt(version)]))
  return events.filter(({ stream, version }) => BigInt(version) > (applied.get(stream) ?? 0n))
}

/** Events that the position is past, while they wait with the stream that was set aside. */
async function readWaiting(arrived: Queryable, { to, service, consumer }: Place): Promise<readonly UnderWay[]> {
  const s = quoteIdentifier(to.source.schema)
  const { rows } = await arrived.query<UnderWay>(
    `select stream, version::text, event->>'type' as type, event->'data' as data, (extract(epoch from ${s}.now() - at) * 1000)::float8 as age
     from ${s}.parked_event where source = $1 and consumer = $2 limit ${eventsMax}`,
    [service, consumer],
  )
  return rows
}

/** An event that came by a hint may wait, and be ahead of the position. */
function once(events: readonly UnderWay[]): readonly UnderWay[] {
  return [...new Map(events.map((event) => [rowText([event.stream, event.version]), event])).values()]
}

function byGroup(events: readonly UnderWay[], { of }: Transit): ReadonlyMap<string, readonly InFlight[]> {
  const groups = new Map<string, InFlight[]>()
  for (const { type, data, age: ageMs } of events) {
    const moved = of[type]?.(data)
    if (moved === undefined) continue
    const text = rowText(keyOf(moved))
    groups.set(text, [...(groups.get(text) ?? []), { moved, type, ageMs }])
  }
  return groups
}

function keyOf({ key = 'all' }: Moved): readonly string[] {
  return typeof key === 'string' ? [key] : key
}

function judge(comparison: Comparison, state: KeyState, { inFlight }: Looked): Judgement {
  const { shape, invariant } = comparison
  if (inFlight === undefined) return { kind: 'inconclusive' }
  const moving = inFlight.get(rowText(state.key)) ?? []
  const [left, right] = shape.sideNames
  const sums = shape.columnNames.map((name, c) => {
    const [sent, arrived] = state.images.map((image) => image[0]?.[c] ?? '0')
    const amount = movedOf(invariant.name, name, moving)
    // A sum that is no number (NaN) stays what it is.
    const expected = exactSum([arrived ?? '0', amount]) ?? arrived ?? '0'
    return { name, sent: sent ?? '0', amount, expected }
  })
  const wrong = sums.filter(({ sent, expected }, c) => !sameValue(formsOf(shape)[c] ?? 'decimal', sent, expected))
  if (wrong.length > 0) {
    const parts = wrong.map(({ name, amount }) => `${amount} of ${name}`)
    const because = `${left} and ${right} differ by more than what is under way, ${parts.join(' and ')} in ${moving.length} events`
    return finding(comparison, state, { verdict: 'diverged', because })
  }
  const oldest = moving.reduce<InFlight | undefined>(
    (a, b) => (a === undefined || b.ageMs > a.ageMs ? b : a),
    undefined,
  )
  if (oldest === undefined || oldest.ageMs <= invariant.deadline.milliseconds) return { kind: 'holds' }
  const age = formatDuration({ milliseconds: Math.round(oldest.ageMs / 1_000) * 1_000 })
  const because = `what ${right} lacks is under way, but ${oldest.type} has been for ${age}`
  return finding(comparison, state, { verdict: 'lagging', because })
}

function finding(
  comparison: Comparison,
  state: KeyState,
  said: { readonly verdict: 'diverged' | 'lagging'; readonly because: string },
): Judgement {
  return { kind: 'finding', finding: findingOf(comparison, state, { ...said, proof: 'positions' }) }
}

/** What all events move of one sum; an amount that is none is the declaration's fault, and no finding about data. */
function movedOf(invariant: string, name: string, moving: readonly InFlight[]): string {
  const amount = exactSum(moving.map(({ moved }) => amountOf(moved, name)))
  if (amount !== undefined) return amount
  const bad = moving.find(({ moved }) => exactSum([amountOf(moved, name)]) === undefined)
  const what = `\`inFlight\` of "${invariant}" gives no number for the ${name} of ${bad?.type}`
  throw refused(
    'check/no-amount',
    `${what}.`,
    'Return an amount as text, bigint or number, or undefined for an event that moves nothing.',
  )
}

function amountOf({ sum }: Moved, name: string): Amount {
  return typeof sum === 'object' ? (sum[name] ?? 0) : sum
}
