/** What a person may do with parked streams: look, retry, release, skip. The process that owns the lane does the work. */
import { refused } from '../base/error.ts'
import type { Database } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'

/** A waiting stream as a person sees it. */
export interface ParkedReport {
  readonly consumer: string
  readonly source: string
  readonly stream: string
  readonly state: 'retrying' | 'parked'
  readonly attempts: number
  readonly events: number
  readonly firstVersion: number
  readonly error: Readonly<Record<string, unknown>>
  readonly at: Date
}

/** Streams in one answer. */
const reportsMax = 1_000

/** The waiting streams of a consumer, oldest first, at most 1,000. */
export async function parkedStreams(db: Database, consumer?: string): Promise<readonly ParkedReport[]> {
  const s = quoteIdentifier(db.schema)
  const { rows } = await db.query<
    Omit<ParkedReport, 'events' | 'firstVersion'> & { events: string; first_version: string }
  >(
    `select p.consumer, p.source, p.stream, p.state, p.attempts, p.error, p.at, count(e.version) as events, min(e.version) as first_version
     from ${s}.parked_stream p left join ${s}.parked_event e using (consumer, source, stream) where $1::text is null or p.consumer = $1
     group by p.consumer, p.source, p.stream order by p.at, p.stream limit ${reportsMax}`,
    [consumer ?? null],
  )
  return rows.map(({ first_version, ...row }) => ({
    ...row,
    events: Number(row.events),
    firstVersion: Number(first_version),
  }))
}

/** Lets one parked stream try again, now. Resolves with false when it is not waiting. */
export async function retry(db: Database, consumer: string, stream: string): Promise<boolean> {
  const s = quoteIdentifier(db.schema)
  const { rowCount } = await db.query(
    `update ${s}.parked_stream set state = 'retrying', attempts = 0, next_try = ${s}.now() where consumer = $1 and stream = $2`,
    [consumer, stream],
  )
  return rowCount > 0
}

/** Lets all parked streams of a consumer go again, after an upgrade or an outage. Resolves with how many. */
export async function release(db: Database, consumer: string): Promise<number> {
  const s = quoteIdentifier(db.schema)
  const { rowCount } = await db.query(
    `update ${s}.parked_stream set state = 'retrying', attempts = 0, next_try = ${s}.now() where consumer = $1`,
    [consumer],
  )
  return rowCount
}

/**
 * Leaves out the first waiting event of a stream, by the decision of a named person, and lets the rest go again.
 *
 * @throws Refused `inbox/skip-unsigned` without a name and a reason; `inbox/not-parked` when that version is not the first waiting.
 */
export async function skip(
  db: Database,
  what: {
    readonly consumer: string
    readonly stream: string
    readonly version: number
    readonly by: string
    readonly reason: string
  },
): Promise<void> {
  const { consumer, stream, version, by, reason } = what
  if (by.trim() === '' || reason.trim() === '')
    throw refused(
      'inbox/skip-unsigned',
      'An event is skipped only by a named person with a reason.',
      'Give `by` and `reason`: both are kept with the event.',
      { consumer, stream, version },
    )
  const s = quoteIdentifier(db.schema)
  await db.transaction(async (tx) => {
    // The process that applies what waits holds this row: an event is applied or skipped, never both.
    tx.send(`select from ${s}.parked_stream where consumer = $1 and stream = $2 for update`, [consumer, stream])
    const { rowCount } = await tx.query(
      `with gone as (delete from ${s}.parked_event e where consumer = $1 and stream = $2 and version = $3
         and version = (select min(version) from ${s}.parked_event f where f.consumer = e.consumer and f.source = e.source and f.stream = e.stream) returning *)
       insert into ${s}.skipped_event(consumer, source, stream, version, event, by, reason) select consumer, source, stream, version, event, $4, $5 from gone`,
      [consumer, stream, version, by, reason],
    )
    if (rowCount === 0)
      throw refused(
        'inbox/not-parked',
        `Version ${version} of ${stream} is not the first event that waits at ${consumer}.`,
        'See `selvedge doctor` for what waits; only the first event of a stream can be skipped.',
        { consumer, stream, version },
      )
    await tx.query(
      `update ${s}.parked_stream set state = 'retrying', attempts = 0, next_try = ${s}.now() where consumer = $1 and stream = $2`,
      [consumer, stream],
    )
  })
}
