/**
 * The statements that write events.
 *
 * The head row is taken first: it is the stream's lock and yields the dense version, and only then is the sequence number
 * drawn, so that within a stream version, sequence and commit order are one. Many events are flushed sorted by stream, so
 * that two transactions never wait for each other in a circle. The scalar form exists because it is the usual case and costs
 * less than arrays.
 */
import type { Statement } from '../store/database.ts'
import { quoteIdentifier } from '../store/identifier.ts'
import { opCode, type PendingEvent } from './event.ts'

interface Texts {
  readonly one: string
  readonly oneAfter: string
  readonly many: string
  readonly expected: string
}

/** Statement texts are built once per schema; the driver caches plans by name. */
const texts = new Map<string, Texts>()

function textsOf(schema: string): Texts {
  let known = texts.get(schema)
  if (!known) {
    const s = quoteIdentifier(schema)
    known = { one: oneText(s), oneAfter: oneAfterText(s), many: manyText(s), expected: expectedText(s) }
    texts.set(schema, known)
  }
  return known
}

const columns =
  '(seq, xid, version, lane, stream, id, type, schema_version, op, traceparent, correlation, causation, subject, headers, data)'

const oneText = (s: string): string => `
with h as (insert into ${s}.head as h(stream, version, lane) values ($1, 1, ${s}.lane_of($1))
  on conflict (stream) do update set version = h.version + 1 returning version, lane)
insert into ${s}.log${columns}
select nextval('${s.replaceAll("'", "''")}.log_seq'), pg_current_xact_id(), h.version, h.lane, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 from h`

/**
 * After the user's statement `written`, which PostgreSQL would else run last: rows of theirs are locked before ours, as in a transaction
 * of several statements, so that the two never wait for each other in a circle.
 */
const oneAfterText = (s: string): string =>
  oneText(s).replace(
    `values ($1, 1, ${s}.lane_of($1))`,
    `select $1, 1, ${s}.lane_of($1) where (select count(*) from written) >= 0`,
  )

const manyText = (s: string): string => `
with e as materialized (
  select * from unnest($1::text[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::text[], $7::uuid[], $8::uuid[], $9::text[], $10::text[], $11::text[])
    with ordinality as e(stream, id, type, schema_version, op, traceparent, correlation, causation, subject, headers, data, n)),
h as (insert into ${s}.head as h(stream, version, lane) select stream collate "C", count(*), ${s}.lane_of(stream collate "C") from e group by 1 order by 1
  on conflict (stream) do update set version = h.version + excluded.version returning h.stream, h.version, h.lane)
insert into ${s}.log${columns}
select nextval('${s.replaceAll("'", "''")}.log_seq'), pg_current_xact_id(), x.version, x.lane, x.stream, x.id, x.type, x.schema_version, x.op::"char", x.traceparent,
  x.correlation, x.causation, x.subject, x.headers::json, x.data::json
from (select e.*, h.lane, h.version - count(*) over (partition by e.stream) + row_number() over (partition by e.stream order by n) as version
  from e join h on h.stream = e.stream collate "C") x order by x.stream collate "C", x.version`

/** With an expected version: the row that is not there raises, so that a conflict can never pass for a success. */
const expectedText = (s: string): string => `
with h as (insert into ${s}.head as h(stream, version, lane) select $1, 1, ${s}.lane_of($1) where $12::bigint = 0 or exists (select from ${s}.head where stream = $1)
  on conflict (stream) do update set version = h.version + 1 where h.version = $12 returning version, lane),
v as (select coalesce((select version from h), ${s}.conflict($1, $12)) as version)
insert into ${s}.log${columns}
select nextval('${s.replaceAll("'", "''")}.log_seq'), pg_current_xact_id(), v.version, h.lane, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 from v left join h on true`

function scalars(event: PendingEvent): unknown[] {
  return [
    event.stream,
    event.id,
    event.type,
    event.schemaVersion,
    opCode(event.op),
    event.traceparent ?? null,
    event.correlation ?? null,
    event.causation ?? null,
    event.subject ?? null,
    event.headers ?? null,
    event.text,
  ]
}

/** One statement per event with an expected version, one for all the others. */
export function appendStatements(events: readonly PendingEvent[], schema: string): Statement[] {
  const free = events.filter((event) => event.expectedVersion === undefined)
  if (free.length === events.length)
    return free.length === 1 ? [one(free[0] as PendingEvent, schema)] : [many(free, schema)]
  // Order within a stream is the order of publishing, so a mixed transaction is written event by event, streams sorted.
  return [...events]
    .sort((a, b) => (a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : 0))
    .map((event) => one(event, schema))
}

/** The user's statement and the event as one statement: one round trip, one commit. */
export function appendWith(statement: Statement, event: PendingEvent, schema: string): Statement {
  const values = statement.values ?? []
  return {
    text: withEvent(statement.text, values.length, schema),
    values: [...values, ...scalars(event)],
    // A name of its own: the same statement may also run without an event, on the same connection.
    ...(statement.name ? { name: `selvedge with ${schema} ${statement.name}` } : {}),
  }
}

/**
 * A transaction of one named INSERT, UPDATE or DELETE and one event as one statement; undefined where that might mean something else.
 * Without a name the longer statement would be planned each time, which costs more than the messages it saves.
 */
export function joinAppend(
  statement: Statement,
  events: readonly PendingEvent[],
  schema: string,
): Statement | undefined {
  const [event] = events
  const isSimple = /^\s*(?:insert|update|delete)\s/i.test(statement.text) && !/;|--|\/\*/.test(statement.text)
  if (!isSimple || !statement.name || !event || events.length > 1 || event.expectedVersion !== undefined)
    return undefined
  return appendWith(statement, event, schema)
}

/** An application has as many of them as statements in its source; texts put together at run time must not fill the memory. */
const withEventTextsMax = 1_000
const withEventTexts = new Map<string, string>()

/** Built once for each statement: renumbering the parameters costs as much as the rest of a publication. */
function withEvent(text: string, shift: number, schema: string): string {
  const key = `${schema} ${shift} ${text}`
  const known = withEventTexts.get(key)
  if (known !== undefined) return known
  const made = makeWithEvent(text, shift, schema)
  if (withEventTexts.size >= withEventTextsMax) withEventTexts.clear()
  withEventTexts.set(key, made)
  return made
}

/** An insert that cannot meet a row of another transaction needs no order of locks. */
const plainInsert = /^\s*insert\s(?![\s\S]*\bon\s+conflict\b)/i

function makeWithEvent(text: string, shift: number, schema: string): string {
  const { one, oneAfter } = textsOf(schema)
  const isPlain = plainInsert.test(text)
  const shifted = (isPlain ? one : oneAfter).replace(/\$(\d+)/g, (_, n: string) => `$${Number(n) + shift}`)
  const written = isPlain || /\breturning\b/i.test(text) ? text : `${text} returning 1`
  return `with written as (${written}), ${shifted.trimStart().slice('with '.length)}`
}

function one(event: PendingEvent, schema: string): Statement {
  if (event.expectedVersion === undefined)
    return { text: textsOf(schema).one, name: `selvedge one ${schema}`, values: scalars(event) }
  return {
    text: textsOf(schema).expected,
    name: `selvedge expected ${schema}`,
    values: [...scalars(event), event.expectedVersion],
  }
}

function many(events: readonly PendingEvent[], schema: string): Statement {
  const rows = events.map(scalars)
  const column = (i: number): unknown[] => rows.map((row) => row[i])
  return {
    text: textsOf(schema).many,
    name: `selvedge many ${schema}`,
    values: Array.from({ length: 11 }, (_, i) => column(i)),
  }
}
