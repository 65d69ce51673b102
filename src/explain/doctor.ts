/**
 * The doctor: whether databases are in a state in which checks can be trusted and logs are read in time.
 *
 * It only reads. A symptom says what was seen, what it means and what to do; what could not be looked at is `unread`.
 */
import { type Clock, formatDuration, milliseconds, systemClock } from '../base/base.ts'
import { openSource } from '../check/sources/open-source.ts'
import { isPostgres, type PostgresSource } from '../check/sources/postgres.ts'
import type { Source } from '../check/sources/source.ts'
import { type Config, defineConfig } from '../invariant/invariant.ts'
import type { UnreadPlace } from '../observe/observe.ts'
import { examineHolders } from './examine-holders.ts'
import { examineEncoding, examineKeys } from './examine-keys.ts'
import { examineMysql } from './examine-mysql.ts'
import { examineGrants, examineLog, examineParked, examineSchema, examineSilentWrites } from './examine-source.ts'
import { ourTables } from './read-log.ts'
import type { Examined, Symptom } from './symptom.ts'

export type { Symptom } from './symptom.ts'

/** How one source is. */
export interface SourceFacts {
  readonly source: string
  readonly service: string
  readonly server: string
  readonly walLevel: string
  /** Whether our tables are there. */
  readonly hasLog: boolean
  /** Sentences that are no symptom: lag of each consumer, age of the newest tick. */
  readonly notes: readonly string[]
}

/** What the doctor says. */
export interface Diagnosis {
  readonly sources: readonly SourceFacts[]
  readonly symptoms: readonly Symptom[]
  readonly unread: readonly UnreadPlace[]
}

/** What may be given to the doctor. */
export interface DiagnoseOptions {
  readonly clock?: Clock
  /** A snapshot held longer than this is a symptom. Default 10 s: twice the longest batch of a busy consumer. */
  readonly heldMs?: number
  /** A consumer further behind than this is a symptom. Default one minute. */
  readonly behindMs?: number
}

const defaults = { heldMs: 10_000, behindMs: 60_000 }

/** Clocks of servers that differ by more than this make times of different services hard to compare. */
const skewMsMax = 1_000

/**
 * Looks at every source of a configuration.
 *
 * Never rejects because of a source: what cannot be looked at is in `unread`.
 *
 * @example
 * const { symptoms } = await diagnose(config)
 * for (const { message, help } of symptoms) console.log(message, help)
 */
export async function diagnose(config: Config, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  defineConfig(config)
  const clock = options.clock ?? systemClock
  const limits = { ...defaults, ...options }
  const sources = Object.entries(config.sources).map(([name, declared]) => openSource(name, declared, undefined))
  try {
    const visits = await Promise.all(sources.map((source) => visit(source, { config, clock, limits })))
    const facts = visits.flatMap((one) => (one.facts === undefined ? [] : [one.facts]))
    const symptoms = [...visits.flatMap((one) => one.symptoms), ...skewSymptoms(visits)]
    return { sources: facts, symptoms: withoutRepeats(symptoms), unread: visits.flatMap((one) => one.unread) }
  } finally {
    await Promise.all(sources.map((source) => source.close()))
  }
}

interface Visit {
  readonly source: Source
  readonly facts?: SourceFacts
  readonly skewMs?: number
  readonly symptoms: readonly Symptom[]
  readonly unread: readonly UnreadPlace[]
}

interface Instruments {
  readonly config: Config
  readonly clock: Clock
  readonly limits: { readonly heldMs: number; readonly behindMs: number }
}

async function visit(source: Source, instruments: Instruments): Promise<Visit> {
  return isPostgres(source) ? visitPostgres(source, instruments) : visitOther(source, instruments)
}

/** Of an engine that holds none of our tables there is only to say whether the declared sides can be read, and how fast. */
async function visitOther(source: Source, { config }: Instruments): Promise<Visit> {
  const { name, service, engine } = source
  const unread: UnreadPlace[] = []
  const facts = { source: name, service, server: engine as string, walLevel: '', hasLog: false, notes: [] }
  if (engine === 'mysql')
    try {
      const { server, symptoms, notes } = await examineMysql(name, config.sources[name]!.url, config)
      // What the symptoms say already would be said once more by each side.
      if (symptoms.length > 0) return { source, facts: { ...facts, server: server ?? engine, notes }, symptoms, unread }
      if (server !== undefined) facts.server = server
    } catch (error) {
      return { source, symptoms: [], unread: [unreadPlace(source, error)] }
    }
  const sides = config.invariants.flatMap(({ relation }) => relation.sides.filter((side) => side.source === name))
  for (const side of sides) await source.describe(side).catch((error) => unread.push(unreadPlace(source, error)))
  return { source, facts, symptoms: [], unread }
}

async function visitPostgres(source: PostgresSource, { config, clock, limits }: Instruments): Promise<Visit> {
  const unread: UnreadPlace[] = []
  const attempt = async (work: () => Promise<Examined>): Promise<Examined> => {
    try {
      return await work()
    } catch (error) {
      unread.push(unreadPlace(source, error))
      return { symptoms: [], notes: [] }
    }
  }
  let basics: Basics
  let tables: ReadonlySet<string>
  try {
    basics = await readBasics(source, clock)
    tables = await ourTables(source)
  } catch (error) {
    return { source, symptoms: [], unread: [unreadPlace(source, error)] }
  }
  const hasLog = tables.has('log')
  const examined = [
    await attempt(() => examineGrants(source, config)),
    await attempt(() => examineEncoding(source)),
    await attempt(() => examineKeys(source, config)),
    await attempt(() => examineHolders(source, limits.heldMs)),
    ...(tables.has('migration') ? [await attempt(() => examineSchema(source))] : []),
    ...(hasLog ? [await attempt(() => examineLog(source, limits.behindMs))] : []),
    ...(tables.has('parked_stream') ? [await attempt(() => examineParked(source))] : []),
    ...(tables.has('capture') && hasLog ? [await attempt(() => examineSilentWrites(source))] : []),
  ]
  return {
    source,
    facts: {
      source: source.name,
      service: source.service,
      server: basics.version,
      walLevel: basics.walLevel,
      hasLog,
      notes: examined.flatMap((one) => one.notes),
    },
    skewMs: basics.skewMs,
    symptoms: examined.flatMap((one) => one.symptoms),
    unread,
  }
}

interface Basics {
  readonly version: string
  readonly walLevel: string
  readonly skewMs: number
}

async function readBasics(source: PostgresSource, clock: Clock): Promise<Basics> {
  // The first read pays for connecting; only the second is quick enough to compare clocks by.
  await source.read((snapshot) => snapshot.query('select 1'))
  return source.read(async (snapshot) => {
    const before = clock.now().getTime()
    const { rows } = await snapshot.query<{ version: string; wal: string; at: Date }>(
      `select current_setting('server_version') as version, current_setting('wal_level') as wal, clock_timestamp() as at`,
    )
    const middle = (before + clock.now().getTime()) / 2
    const { version = '', wal = '', at = new Date(middle) } = rows[0] ?? {}
    return { version, walLevel: wal, skewMs: at.getTime() - middle }
  })
}

/** Compares the clocks of all servers with the one that is nearest to ours. */
function skewSymptoms(visits: readonly Visit[]): Symptom[] {
  const known = visits.filter((one) => one.skewMs !== undefined)
  const nearest = [...known].sort((a, b) => Math.abs(a.skewMs!) - Math.abs(b.skewMs!))[0]
  return known.flatMap(({ source, skewMs }) => {
    const apart = Math.abs(skewMs! - nearest!.skewMs!)
    if (apart <= skewMsMax) return []
    const direction = skewMs! > nearest!.skewMs! ? 'ahead of' : 'behind'
    return [
      {
        source: source.name,
        code: 'doctor/clock-skew',
        message: `The clock of ${source.name} is ${formatDuration(milliseconds(apart))} ${direction} that of ${nearest!.source.name}.`,
        help: 'Positions decide, not clocks; but times of the two cannot be compared by eye. Start a time service on that machine.',
      },
    ]
  })
}

/** Several services on one server see the same session. */
function withoutRepeats(symptoms: readonly Symptom[]): Symptom[] {
  const seen = new Set<string>()
  return symptoms.filter(({ code, subject }) => {
    if (subject === undefined) return true
    const key = `${code} ${subject}`
    return !seen.has(key) && seen.add(key)
  })
}

function unreadPlace(source: Source, error: unknown): UnreadPlace {
  const { code = 'doctor/unreadable', message = String(error) } = (error ?? {}) as Partial<UnreadPlace>
  return { service: source.service, code, message }
}
