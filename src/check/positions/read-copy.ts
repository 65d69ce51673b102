/** Reads the copy's part of the evidence. SELECT on the consumer's tables is all it needs; what is missing says nothing. */
import { groupedBy } from '../../base/grouped-by.ts'
import { rowText } from '../../digest/digest.ts'
import { keyText } from '../../invariant/invariant.ts'
import { type Queryable, quoteIdentifier } from '../../store/store.ts'
import type { Keys } from '../images.ts'
import { keyCondition } from '../sources/postgres-key.ts'
import type { PostgresReader } from '../sources/postgres-side.ts'
import { keyColumns, select } from '../sources/postgres-sql.ts'
import type { AppliedFact, Book, BookFact, CopyEvidence, ParkedFact, PositionFact, SkippedFact } from './evidence.ts'
import { parseSnapshot } from './snapshot.ts'

/** What the copy is asked about. */
export interface CopyQuestion {
  readonly reader: PostgresReader
  readonly keys: Keys
  readonly streams: readonly string[]
  /** The owner's name in positions. */
  readonly service: string
  /** Undefined for all consumers of that owner. */
  readonly consumer: string | undefined
  /** Which of the optional tables can be read. */
  readonly readable: ReadonlySet<string>
}

/** What the copy's database says, in the snapshot of `snapshot`. */
export async function readCopy(snapshot: Queryable, question: CopyQuestion): Promise<CopyEvidence> {
  const { readable } = question
  const [now, positions, parked, skipped, applied, book, rowAges] = await Promise.all([
    snapshot.query<{ now: Date }>(`select ${quoteIdentifier(question.reader.source.schema)}.now() as now`),
    readPositions(snapshot, question),
    readable.has('parked_stream') ? readParked(snapshot, question) : new Map<string, ParkedFact[]>(),
    readable.has('skipped_event') ? readSkipped(snapshot, question) : new Map<string, SkippedFact[]>(),
    readable.has('applied') ? readApplied(snapshot, question) : new Map<string, Map<string, AppliedFact>>(),
    bookTables.every((table) => readable.has(table)) ? readBook(snapshot, question) : undefined,
    readRowAges(snapshot, question),
  ])
  return { nowMs: now.rows[0]?.now.getTime() ?? 0, positions, parked, skipped, applied, book, rowAges }
}

const bookTables = ['replica', 'replica_row', 'replica_candidate']

/** Whose positions are asked for. */
export type Reading = Pick<CopyQuestion, 'service' | 'consumer'> & { readonly reader: Pick<PostgresReader, 'source'> }

/** How far consumers of an owner are, the newest position of each lane. */
export async function readPositions(snapshot: Queryable, question: Reading): Promise<PositionFact[]> {
  const { rows } = await ask<{
    consumer: string
    lane: number
    epoch: number
    previous: string
    current: string | null
    seq: string | null
    age: number
  }>(
    snapshot,
    question,
    `select distinct on (consumer, lane) consumer, lane, epoch, previous::text, current::text, seq::text, age(xmin) as age
     from %.position where source = $1 and ($2::text is null or consumer = $2) order by consumer, lane, n desc`,
  )
  return rows.map(({ consumer, lane, epoch, previous, current, seq, age }) => {
    const inside = current === null ? undefined : { snapshot: parseSnapshot(current), seq: BigInt(seq ?? '0') }
    return { consumer, lane, epoch, previous: parseSnapshot(previous), inside, age }
  })
}

interface ParkedRow {
  readonly stream: string
  readonly consumer: string
  readonly state: 'retrying' | 'parked'
  readonly error: { readonly code?: string; readonly message?: string; readonly version?: number } | null
  readonly at: Date
}

async function readParked(snapshot: Queryable, question: CopyQuestion): Promise<ReadonlyMap<string, ParkedFact[]>> {
  const { rows } = await ask<ParkedRow>(
    snapshot,
    question,
    `select stream, consumer, state, error, at from %.parked_stream where source = $1 and ($2::text is null or consumer = $2) and stream = any($3::text[])
     order by consumer`,
    [question.streams],
  )
  const facts = groupedBy(rows, ({ stream }) => stream)
  return new Map([...facts].map(([stream, those]) => [stream, those.map(parkedFact)]))
}

function parkedFact({ consumer, state, error, at }: ParkedRow): ParkedFact {
  return {
    consumer,
    state,
    code: error?.code ?? 'unknown',
    message: error?.message ?? 'no error was kept',
    version: error?.version,
    sinceMs: at.getTime(),
  }
}

async function readSkipped(snapshot: Queryable, question: CopyQuestion): Promise<ReadonlyMap<string, SkippedFact[]>> {
  const { rows } = await ask<{ stream: string; consumer: string; version: string; by: string; reason: string }>(
    snapshot,
    question,
    `select stream, consumer, version::text, by, reason from %.skipped_event
     where source = $1 and ($2::text is null or consumer = $2) and stream = any($3::text[]) order by stream, skipped_event.version desc, consumer`,
    [question.streams],
  )
  const facts = groupedBy(rows, ({ stream }) => stream)
  return new Map(
    [...facts].map(([stream, those]) => [
      stream,
      those.map(({ consumer, version, by, reason }) => ({ consumer, version: Number(version), by, reason })),
    ]),
  )
}

/**
 * Only of consumers that take messages: others keep no version of a stream. A stream without a row says nothing, since a
 * consumer may have begun after its events.
 */
async function readApplied(snapshot: Queryable, question: CopyQuestion): Promise<CopyEvidence['applied']> {
  const { rows } = await ask<{ consumer: string; stream: string; version: string | null; age: number | null }>(
    snapshot,
    question,
    `select c.consumer, s.stream, a.version::text, age(a.xmin) as age
     from (select distinct consumer from %.position where source = $1 and ($2::text is null or consumer = $2)) c
     cross join unnest($3::text[]) s(stream)
     left join %.applied a on a.consumer = c.consumer and a.source = $1 and a.stream = s.stream
     where exists (select from %.applied x where x.consumer = c.consumer and x.source = $1)`,
    [question.streams],
  )
  const consumers = groupedBy(rows, ({ consumer }) => consumer)
  return new Map(
    [...consumers].map(([consumer, those]) => [
      consumer,
      new Map(
        those.flatMap(({ stream, version, age }): [string, AppliedFact][] =>
          version === null ? [] : [[stream, { version: Number(version), age: age ?? 0 }]],
        ),
      ),
    ]),
  )
}

interface BookRow {
  readonly name: string
  readonly is_owner_only: boolean
  readonly key: string | null
  readonly age: number
  readonly version: string
  readonly has_row: boolean
}

/**
 * A replica writes its bookkeeping and the copied row in one transaction. Rows that are held back, as a required column
 * is not known yet, are kept as candidates, and an erased one may be gone: of those the book says nothing.
 */
async function readBook(snapshot: Queryable, question: CopyQuestion): Promise<Book | undefined> {
  const { rows: side } = question.reader.side
  if (side.kind !== 'table') return undefined
  const { rows } = await ask<BookRow>(
    snapshot,
    question,
    `select p.name, p.is_owner_only, r.key, age(r.xmin) as age, greatest(r.alive, r.deleted, r.erased)::text as version,
       r.alive > r.deleted and r.erased < 0 and not exists (
         select from %.replica_candidate c where c.replica = r.replica and c.key = r.key) as has_row
     from %.replica p left join %.replica_row r on r.replica = p.name and r.key = any($4::text[])
     where p.service = $1 and ($2::text is null or p.consumer = $2) and p.table_name = $3`,
    [side.table, question.keys.map(keyText)],
  )
  const names = new Set(rows.map(({ name }) => name))
  const [first] = rows
  if (first === undefined || names.size > 1) return undefined
  const facts = rows.flatMap(({ key, age, version, has_row }): [string, BookFact][] =>
    key === null ? [] : [[key, { age, version: Number(version), hasRow: has_row }]],
  )
  return { isOwnerOnly: first.is_owner_only, rows: new Map(facts) }
}

/** When rows were written is known of tables only; a view or a query has no such column. */
async function readRowAges(snapshot: Queryable, { reader, keys }: CopyQuestion): Promise<ReadonlyMap<string, number>> {
  const { cells } = reader
  const condition = keyCondition(cells.key, keys)
  if (!reader.isTable || condition === undefined) return new Map()
  const { rows } = await snapshot.query<Record<string, string | null> & { age: number }>(
    select(cells.side, `${keyColumns(cells)}, age(xmin) as age`, condition.sql),
    condition.values,
  )
  return new Map(rows.map((row) => [rowText(reader.key.map((_, i) => row[`k${i}`] ?? null)), row.age]))
}

function ask<R>(snapshot: Queryable, question: Reading, sql: string, values: readonly unknown[] = []) {
  const text = sql.replaceAll('%.', `${quoteIdentifier(question.reader.source.schema)}.`)
  return snapshot.query<R>(text, [question.service, question.consumer ?? null, ...values])
}
