/**
 * Positions: for an owner with a log and a copy that keeps its position in it. A key that differs is divergence by proof
 * when the copy is past all that the owner's snapshot shows; otherwise it is late, and only its age makes it a finding.
 */
import { formatDuration } from '../../base/duration.ts'
import { rowText } from '../../digest/digest.ts'
import { type Finding, keyText, type StreamLink } from '../../invariant/invariant.ts'
import { type Queryable, quoteIdentifier } from '../../store/store.ts'
import { difference, holds } from '../compare.ts'
import type { Comparison } from '../comparison.ts'
import { type Keys, statesOf } from '../images.ts'
import { findingOf, type Judge, type Judgement } from '../judge.ts'
import { isPostgresReader, type PostgresReader } from '../sources/postgres-side.ts'
import { classify } from './classify.ts'
import { readCopy } from './read-copy.ts'
import { readOwner, silentForMs } from './read-owner.ts'

/** What an invariant's two databases offer, found out before anything is judged. */
export interface Positions {
  readonly owner: PostgresReader
  readonly copy: PostgresReader
  readonly link: StreamLink
  /** The consumer that keeps the copy; undefined when all of this owner must be past a change. */
  readonly consumer: string | undefined
  readonly readable: ReadonlySet<string>
}

const ownerTables = ['tick', 'log', 'head', 'epoch']
const copyTables = [
  'position',
  'parked_stream',
  'skipped_event',
  'applied',
  'replica',
  'replica_row',
  'replica_candidate',
]

/**
 * Whether positions can decide for this invariant; otherwise undefined, and double reads must.
 * They can when the owner's log and a position of the copy in it are there and may be read.
 */
export async function findPositions(comparison: Comparison): Promise<Positions | undefined> {
  const { invariant, readers } = comparison
  const [owner, copy] = readers
  if (invariant.relation.kind !== 'replicaOf' || invariant.link === undefined || !owner || !copy) return undefined
  if (!isPostgresReader(owner) || !isPostgresReader(copy)) return undefined
  if (!(await areReadable(owner, ownerTables))) return undefined
  return copy.source.read(async (snapshot) => {
    const readable = await readableTables(snapshot, copy.source.schema, copyTables)
    if (!readable.has('position')) return undefined
    const consumer =
      invariant.link?.consumer ??
      (readable.has('replica') ? await consumerOf(snapshot, copy, owner.source.service) : undefined)
    const s = quoteIdentifier(copy.source.schema)
    const { rows } = await snapshot.query(
      `select from ${s}.position where source = $1 and ($2::text is null or consumer = $2) limit 1`,
      [owner.source.service, consumer ?? null],
    )
    return rows.length === 0 ? undefined : { owner, copy, link: invariant.link!, consumer, readable }
  })
}

/** Keys whose events are held at a time. */
const keysPerLook = 500
/** A key that is late usually arrives within moments: it is asked again this soon, then after twice the time, and so on. */
const againMsFirst = 200
/** A copy that has got on this often while its owner went on too is neither late nor wrong as far as anybody can tell. */
const stepsMax = 4

type Looked = Judgement | { readonly kind: 'wait'; readonly againInMs: number; readonly version: number }

/** The judge that asks owner and copy for their positions. */
export function positionsJudge(comparison: Comparison, positions: Positions): Judge {
  const waiting = new Map<string, { readonly version: number; readonly looks: number; readonly steps: number }>()
  const paced = (text: string, looked: Looked): Judgement => {
    if (looked.kind !== 'wait' || !('version' in looked)) return looked
    const { version, looks, steps } = waiting.get(text) ?? { version: looked.version, looks: 0, steps: 0 }
    const stepped = steps + (looked.version > version ? 1 : 0)
    if (stepped >= stepsMax) return { kind: 'inconclusive' }
    waiting.set(text, { version: looked.version, looks: looks + 1, steps: stepped })
    return { kind: 'wait', againInMs: Math.min(looked.againInMs, againMsFirst * 2 ** looks) }
  }
  return {
    async look(keys) {
      const judgements = new Map<string, Judgement>()
      for (let from = 0; from < keys.length; from += keysPerLook) {
        const part = await lookAt(comparison, positions, keys.slice(from, from + keysPerLook))
        for (const [text, looked] of part) judgements.set(text, paced(text, looked))
      }
      return judgements
    },
  }
}

async function lookAt(comparison: Comparison, positions: Positions, keys: Keys): Promise<Map<string, Looked>> {
  const { owner, copy, link, consumer, readable } = positions
  const streams = keys.map((key) => link.streamOf(keyText(key)))
  // The copy first, the owner second: see classify.ts.
  const fromCopy = await copy.source.read(async (snapshot) => ({
    images: await copy.rowsIn(snapshot, keys, { isBrief: true }),
    evidence: await readCopy(snapshot, {
      reader: copy,
      keys,
      streams,
      service: owner.source.service,
      consumer,
      readable,
    }),
  }))
  const fromOwner = await owner.source.read(async (snapshot) => ({
    images: await owner.rowsIn(snapshot, keys, { isBrief: true }),
    evidence: await readOwner(snapshot, owner.source.schema, streams),
  }))
  const states = statesOf(keys, [fromOwner.images, fromCopy.images])
  const { shape, invariant } = comparison
  return new Map(
    keys.map((key, i): [string, Looked] => {
      const text = rowText(key)
      const state = states.get(text)!
      if (holds(shape, state)) return [text, { kind: 'holds' }]
      const known = {
        shape,
        state,
        text,
        stream: streams[i]!,
        deadlineMs: invariant.deadline.milliseconds,
        owner: fromOwner.evidence,
        copy: fromCopy.evidence,
      }
      const said = classify(known)
      if (said.kind === 'wait') return [text, said]
      const { kind: _, ...proved } = said
      const because = `${difference(shape, state)}: ${said.because}`
      return [
        text,
        { kind: 'finding', finding: findingOf(comparison, state, { ...proved, proof: 'positions', because }) },
      ]
    }),
  )
}

/** The finding about an owner whose log moves but is not cut into ticks: nobody can tell late from lost then. */
export async function tickerFinding(comparison: Comparison, positions: Positions): Promise<Finding | undefined> {
  const { source } = positions.owner
  const { invariant } = comparison
  const waitedMs = await source.read((snapshot) => silentForMs(snapshot, source.schema))
  if (waitedMs === undefined || waitedMs <= invariant.deadline.milliseconds) return undefined
  const because = `the log of ${source.name} has had events that no tick shows for ${formatDuration({ milliseconds: waitedMs })}: its ticker does not run`
  const base = {
    invariant: invariant.name,
    key: '',
    verdict: 'ticker-silent',
    proof: 'positions',
    because,
    present: [],
    absent: [],
    columns: [],
  } as const
  return { ...base, ...(invariant.problem === undefined ? {} : { problem: invariant.problem }) }
}

/** Whether all of these tables of Selvedge's schema are there and may be read. */
export async function areReadable({ source }: PostgresReader, tables: readonly string[]): Promise<boolean> {
  const found = await source.read((snapshot) => readableTables(snapshot, source.schema, tables))
  return found.size === tables.length
}

async function readableTables(
  snapshot: Queryable,
  schema: string,
  tables: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await snapshot.query<{ name: string }>(
    `select c.relname::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = any($2::text[]) and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')`,
    [schema, tables],
  )
  return new Set(rows.map((row) => row.name))
}

/** A replica says itself which consumer keeps it. */
async function consumerOf(snapshot: Queryable, copy: PostgresReader, service: string): Promise<string | undefined> {
  if (copy.side.rows.kind !== 'table') return undefined
  const s = quoteIdentifier(copy.source.schema)
  const { rows } = await snapshot.query<{ consumer: string }>(
    `select consumer from ${s}.replica where table_name = $1 and service = $2`,
    [copy.side.rows.table, service],
  )
  return rows.length === 1 ? rows[0]?.consumer : undefined
}
