/**
 * One entity across all services: what each holds of it now, and everything that happened to it as one timeline.
 *
 * Read from the databases alone, so it answers as well after every process has stopped. Sources are read side by side;
 * what cannot be read is named in `unread`, never left out in silence.
 */
import { type Clock, refused, systemClock } from '../base/base.ts'
import { openSource } from '../check/sources/open-source.ts'
import { isPostgres } from '../check/sources/postgres.ts'
import type { Source } from '../check/sources/source.ts'
import { type Config, defineConfig, sideName } from '../invariant/invariant.ts'
import { type HeldRow, type History, type Moment, timeline, type UnreadPlace } from '../observe/observe.ts'
import { entitiesOf, type Place, placesOf, streamsOf } from './places.ts'
import {
  type CopyFact,
  type LogFact,
  ourTables,
  readConflicts,
  readCopies,
  readCovered,
  readOwner,
  readReached,
  readSilentWrites,
  readWaiting,
} from './read-log.ts'
import { type PlacedRow, readRows } from './read-rows.ts'
import { type Unknown, unknownOf } from './unknown.ts'

export type { HeldRow, History, Moment, UnreadPlace } from '../observe/observe.ts'
export { type Diagnosis, diagnose, type Symptom } from './doctor.ts'
export type { Unknown } from './unknown.ts'

/** What is asked about. */
export interface Question {
  /** The entity's name, as `User`; upper and lower case are not told apart. */
  readonly entity: string
  /** The key as findings print it; several parts are joined by `/`. */
  readonly key: string
}

/** A row, or the lack of one. */
export interface ExplainedRow extends HeldRow {
  /** There is no row although an invariant wants one, since another service has it. */
  readonly isMissing?: true
}

/** What `explain` answers. */
export interface Explanation extends History {
  readonly rows: readonly ExplainedRow[]
  /** What no database here can tell, and what would. */
  readonly unknown: readonly Unknown[]
}

/** What may be given to `explain`. */
export interface ExplainOptions {
  readonly clock?: Clock
}

/**
 * The history of one entity.
 *
 * `unread` lists the places that could not be read; the answer is complete only when it is empty.
 *
 * @throws Refused `explain/unknown-entity` when neither the declarations nor any log know the entity's name.
 * @example
 * const { rows, moments } = await explain(config, { entity: 'User', key: '42' })
 */
export async function explain(config: Config, question: Question, options: ExplainOptions = {}): Promise<Explanation> {
  defineConfig(config)
  const known = entitiesOf(config)
  const entity = known.find((name) => name.toLowerCase() === question.entity.toLowerCase()) ?? question.entity
  const asked = { entity, key: question.key, streams: streamsOf(config, entity, question.key) }
  const sources = Object.entries(config.sources).map(([name, declared]) =>
    openSource(name, declared, options.clock ?? systemClock),
  )
  try {
    const places = placesOf(config, entity)
    const reports = await Promise.all(sources.map((source) => readOwnSide(source, places, asked)))
    const events = reports.flatMap((report) => report.events)
    const applied = await Promise.all(reports.map((report) => readAsConsumer(report, asked, events)))
    const history = historyOf(asked, [...reports, ...applied])
    if (!known.includes(entity) && history.moments.length === 0 && history.unread.length === 0)
      throw unknownEntity(question.entity, known)
    return history
  } finally {
    await Promise.all(sources.map((source) => source.close()))
  }
}

interface Asked {
  readonly entity: string
  readonly key: string
  readonly streams: readonly string[]
}

interface SourceReport {
  readonly source: Source
  readonly tables: ReadonlySet<string>
  readonly tracksCommits: boolean | undefined
  readonly rows: readonly PlacedRow[]
  readonly copies: readonly CopyFact[]
  readonly moments: readonly Moment[]
  readonly events: readonly LogFact[]
  readonly unread: readonly UnreadPlace[]
}

/** Collects what can be read and names what cannot. */
class Reading {
  readonly unread: UnreadPlace[] = []
  readonly #source: Source

  constructor(source: Source) {
    this.#source = source
  }

  async attempt<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const { code = 'explain/unreadable', message = String(error) } = (error ?? {}) as Partial<UnreadPlace>
      // A server that is gone says the same thing to every question.
      if (!this.unread.some((place) => place.message === message))
        this.unread.push({ service: this.#source.service, code, message })
      return otherwise
    }
  }
}

async function readOwnSide(source: Source, places: readonly Place[], asked: Asked): Promise<SourceReport> {
  const reading = new Reading(source)
  const none = {
    source,
    tables: new Set<string>(),
    tracksCommits: undefined,
    rows: [],
    copies: [],
    moments: [],
    events: [],
  }
  const mine = places.filter((place) => place.source === source.name)
  const rows = await Promise.all(
    mine.map((place) => reading.attempt(() => readRows(source, place, asked.key), [] as PlacedRow[])),
  )
  // Only PostgreSQL holds our tables; of other engines the rows are all there is to tell.
  if (!isPostgres(source)) return { ...none, rows: rows.flat(), unread: reading.unread }
  const tables = await reading.attempt(() => ourTables(source), none.tables)
  const tracksCommits = await reading.attempt(() => source.tracksCommits(), undefined)
  const copies = tables.has('replica_row')
    ? await reading.attempt(() => readCopies(source, asked.entity, asked.key), [])
    : []
  const undeclared = copies.filter(({ table }) => !mine.some(({ side }) => sideName(side).endsWith(`.${table}`)))
  for (const copy of undeclared)
    rows.push(await reading.attempt(() => readRows(source, placeOfCopy(source, copy), asked.key), [] as PlacedRow[]))
  const log = tables.has('log')
    ? await reading.attempt(() => readOwner(source, asked.streams), { moments: [], events: [] })
    : { moments: [], events: [] }
  const silent = tables.has('capture')
    ? await reading.attempt(() => readSilentWrites(source, asked.entity, asked.key), [])
    : []
  return {
    ...none,
    tables,
    tracksCommits,
    rows: rows.flat(),
    copies,
    ...log,
    moments: [...log.moments, ...silent],
    unread: reading.unread,
  }
}

/** A replica that no invariant names is still a copy. */
function placeOfCopy({ name: source }: Source, { table, keyColumn }: CopyFact): Place {
  const by = [{ column: keyColumn }]
  const rows = { kind: 'table', table } as const
  return {
    source,
    by,
    role: 'copy',
    expectedBy: [],
    side: { source, rows, key: by, columns: {}, where: undefined, entity: undefined },
  }
}

/** The second round, once the owners' events are known: what their consumers did with them. */
async function readAsConsumer(report: SourceReport, asked: Asked, events: readonly LogFact[]): Promise<SourceReport> {
  const { source, tables } = report
  if (!isPostgres(source)) return { ...report, rows: [], copies: [], events: [], moments: [], unread: [] }
  const reading = new Reading(source)
  const when = (table: string, read: () => Promise<Moment[]>) =>
    tables.has(table) ? reading.attempt(read, []) : Promise.resolve([])
  const [waiting, reached, covered, conflicts] = await Promise.all([
    when('parked_stream', () => readWaiting(source, asked.streams)),
    when('applied', () => readReached(source, asked.streams)),
    when(tables.has('parked_event') ? 'position' : 'parked_event', () => readCovered(source, events)),
    when('replica_conflict', () => readConflicts(source, asked.entity, asked.key)),
  ])
  const isReached = new Set(reached.map(momentKey))
  const moments = [
    ...waiting,
    ...reached,
    ...covered.filter((moment) => !isReached.has(momentKey(moment))),
    ...conflicts,
  ]
  return { ...report, rows: [], copies: [], events: [], moments, unread: reading.unread }
}

const momentKey = ({ event, ...moment }: Moment): string =>
  JSON.stringify([event?.source, event?.stream, event?.version, 'consumer' in moment ? moment.consumer : ''])

function historyOf({ entity, key }: Asked, reports: readonly SourceReport[]): Explanation {
  const moments = timeline(named(reports.flatMap((report) => report.moments)))
  const held = reports.flatMap((report) => report.rows.map((row) => dated(row, report, moments)))
  // An invariant wants the row everywhere as soon as one of its places has it.
  const wanting = new Set(held.flatMap(({ row, expectedBy }) => (row === undefined ? [] : expectedBy)))
  const rows = held.map(({ expectedBy, ...row }): ExplainedRow => {
    const isMissing = row.row === undefined && expectedBy.some((name) => wanting.has(name))
    return isMissing ? { ...row, isMissing } : row
  })
  const unread = reports.flatMap((report) => report.unread)
  return { entity, key, rows: ownersFirst(rows), moments, unread, unknown: unknownIn(reports, held) }
}

/** Of a place that could not be read nothing is said but that. */
function unknownIn(reports: readonly SourceReport[], held: readonly PlacedRow[]): readonly Unknown[] {
  const unread = new Set(reports.flatMap((report) => report.unread.map(({ service }) => service)))
  const places = reports.filter(({ source, rows }) => rows.length > 0 && !unread.has(source.service))
  return unknownOf(
    places.map(({ source: { service, engine }, tables, tracksCommits }) => ({
      ...{ service, engine, tracksCommits, hasLog: tables.has('log') },
      hasInbox: tables.has('applied') || tables.has('position'),
      rows: held.filter((row) => row.service === service),
    })),
  )
}

/** Consumers keep the version only: the name of the event is in the owner's log, where that can be read. */
function named(moments: readonly Moment[]): Moment[] {
  const key = ({ source, stream, version }: NonNullable<Moment['event']>) => `${source}\n${stream}\n${version}`
  const published = new Map(
    moments.flatMap(({ kind, event }) => (kind === 'published' && event !== undefined ? [[key(event), event]] : [])),
  )
  return moments.map((moment) => {
    const event = moment.event && published.get(key(moment.event))
    return event === undefined ? moment : { ...moment, event }
  })
}

/** Adds to a row the version and time that the log knows of it: of the owner's newest event, or of the copy's bookkeeping. */
function dated(row: PlacedRow, report: SourceReport, moments: readonly Moment[]): PlacedRow {
  if (row.role === 'reference') return row
  const copy = report.copies.find(({ table }) => row.table.endsWith(`.${table}`))
  const newest = moments
    .filter(({ kind, service, event }) => kind === 'published' && service === row.service && event !== undefined)
    .sort((a, b) => (b.event?.version ?? 0) - (a.event?.version ?? 0))[0]
  const published = row.role === 'owner' ? newest : undefined
  const version = copy?.version ?? published?.event?.version
  const asOf = copy?.asOf ?? published?.at ?? row.asOf
  return { ...row, ...(version === undefined ? {} : { version }), ...(asOf === undefined ? {} : { asOf }) }
}

const roleRank = { owner: 0, copy: 1, reference: 2 } as const

function ownersFirst(rows: readonly ExplainedRow[]): ExplainedRow[] {
  return [...rows].sort((a, b) => roleRank[a.role] - roleRank[b.role])
}

function unknownEntity(entity: string, known: readonly string[]): Error {
  const help =
    known.length === 0
      ? 'Name the entity of an invariant by `.about("User")`, or declare it in a contract.'
      : `The configuration knows: ${known.join(', ')}.`
  return refused('explain/unknown-entity', `Nothing is declared or logged about an entity "${entity}".`, help, {
    entity,
  })
}
