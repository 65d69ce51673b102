/** Reads the copy's part of the evidence. SELECT on the consumer's tables is all it needs; what is missing says nothing. */
import { rowText } from '../../digest/digest.ts'
import { keyText } from '../../invariant/invariant.ts'
import { type Queryable, quoteIdentifier } from '../../store/store.ts'
import type { Keys } from '../images.ts'
import { keyCondition } from '../sources/postgres-key.ts'
import type { PostgresReader } from '../sources/postgres-side.ts'
import { keyColumns, select } from '../sources/postgres-sql.ts'
import type { CopyEvidence, ParkedFact, PositionFact, SkippedFact } from './evidence.ts'
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
  const [now, positions, parked, skipped, applied, bookAges, rowAges] = await Promise.all([
    snapshot.query<{ now: Date }>(`select ${quoteIdentifier(question.reader.source.schema)}.now() as now`),
    readPositions(snapshot, question),
    readable.has('parked_stream') ? readParked(snapshot, question) : new Map<string, ParkedFact>(),
    readable.has('skipped_event') ? readSkipped(snapshot, question) : new Map<string, SkippedFact>(),
    readable.has('applied') ? readApplied(snapshot, question) : undefined,
    readable.has('replica') && readable.has('replica_row')
      ? readBookAges(snapshot, question)
      : new Map<string, number>(),
    readRowAges(snapshot, question),
  ])
  return { nowMs: now.rows[0]?.now.getTime() ?? 0, positions, parked, skipped, applied, bookAges, rowAges }
}

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

async function readParked(snapshot: Queryable, question: CopyQuestion): Promise<ReadonlyMap<string, ParkedFact>> {
  const { rows } = await ask<ParkedRow>(
    snapshot,
    question,
    `select stream, consumer, state, error, at from %.parked_stream where source = $1 and ($2::text is null or consumer = $2) and stream = any($3::text[])
     order by consumer desc`,
    [question.streams],
  )
  return new Map(
    rows.map(({ stream, consumer, state, error, at }) => [
      stream,
      {
        consumer,
        state,
        code: error?.code ?? 'unknown',
        message: error?.message ?? 'no error was kept',
        version: error?.version,
        sinceMs: at.getTime(),
      },
    ]),
  )
}

async function readSkipped(snapshot: Queryable, question: CopyQuestion): Promise<ReadonlyMap<string, SkippedFact>> {
  const { rows } = await ask<{ stream: string; consumer: string; version: string; by: string; reason: string }>(
    snapshot,
    question,
    `select distinct on (stream) stream, consumer, version::text, by, reason from %.skipped_event
     where source = $1 and ($2::text is null or consumer = $2) and stream = any($3::text[]) order by stream, version desc, consumer`,
    [question.streams],
  )
  return new Map(
    rows.map(({ stream, consumer, version, by, reason }) => [
      stream,
      { consumer, version: Number(version), by, reason },
    ]),
  )
}

/** Undefined when no stream of this owner is kept there at all: then the position alone decides. */
async function readApplied(snapshot: Queryable, question: CopyQuestion): Promise<CopyEvidence['applied']> {
  const { rows } = await ask<{ stream: string | null; version: string; age: number }>(
    snapshot,
    question,
    `select stream, min(version)::text as version, min(age(xmin)) as age from %.applied
     where source = $1 and ($2::text is null or consumer = $2) and stream = any($3::text[]) group by stream
     union all select null, '0', 0 where exists (select from %.applied where source = $1 and ($2::text is null or consumer = $2))`,
    [question.streams],
  )
  if (rows.length === 0) return undefined
  return new Map(
    rows.flatMap(({ stream, version, age }) =>
      stream === null ? [] : [[stream, { version: Number(version), age }] as const],
    ),
  )
}

/** A replica writes its bookkeeping and the copied row in one transaction. */
async function readBookAges(snapshot: Queryable, question: CopyQuestion): Promise<ReadonlyMap<string, number>> {
  const { rows } = question.reader.side
  if (rows.kind !== 'table') return new Map()
  const found = await ask<{ key: string; age: number }>(
    snapshot,
    question,
    `select r.key, min(age(r.xmin)) as age from %.replica_row r join %.replica p on p.name = r.replica
     where p.service = $1 and ($2::text is null or p.consumer = $2) and p.table_name = $3 and r.key = any($4::text[]) group by r.key`,
    [rows.table, question.keys.map(keyText)],
  )
  return new Map(found.rows.map(({ key, age }) => [key, age]))
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
