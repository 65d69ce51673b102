/**
 * The world of the verdict suite: an owner, `reading` that follows its log, and `hearing` that takes messages of a rough
 * channel. Each reader keeps persons twice, as a declared replica and by a handler, and seats by a handler. Its bugs are
 * named by consumer and stream, so that each case has the bug it is about and no other.
 */
import {
  type Clock,
  type Duration,
  type Scheduler,
  seconds,
  seededRandom,
  systemScheduler,
} from '../../src/base/base.ts'
import { check, type Report } from '../../src/check/check.ts'
import { service } from '../../src/contract/contract.ts'
import { consumer, on } from '../../src/inbox/inbox.ts'
import { type Config, type Invariant, replicaOf } from '../../src/invariant/invariant.ts'
import { publish } from '../../src/outbox/outbox.ts'
import { mapped, ownerWins, replica } from '../../src/replica/replica.ts'
import { defineService, type RunningService } from '../../src/service/service.ts'
import type { Database, Transaction } from '../../src/store/store.ts'
import { memoryChannel } from '../../src/transport/transport.ts'
import { type FreshDatabase, freshDatabase } from '../support/database.ts'
import { waitFor } from '../support/wait-for.ts'
import { RoughChannel } from './rough-channel.ts'
import * as things from './things.ts'
import { dataOf, eventOf, type Fields, type Kind, type Op, type Sql, type Thing, textOf, write } from './things.ts'

export type ReaderName = 'reading' | 'hearing'

/** A copy that an invariant compares with its owner. */
export interface Target {
  readonly reader: ReaderName
  readonly table: string
  readonly kind: Kind
  readonly by: 'replica' | 'handler'
}

const targetsOf = (reader: ReaderName): readonly Target[] => [
  { reader, table: 'person_copy', kind: things.persons, by: 'replica' },
  { reader, table: 'person_kept', kind: things.persons, by: 'handler' },
  { reader, table: 'seat_kept', kind: things.seats, by: 'handler' },
]
export const targets: readonly Target[] = [...targetsOf('reading'), ...targetsOf('hearing')]
export const nameOf = ({ reader, table }: Target): string => `${reader}.${table}`
export const consumerOf = ({ reader, table }: Target): string => `${reader}-${table}`
/** A consumer beside those that keep copies; it keeps nothing. */
export const mailingOf = (reader: ReaderName): string => `${reader}-mailing`

/** What a handler does wrong with the events of a stream. */
export type Bug = 'misreads' | 'ignores' | 'fails'

/** Something that happens to a thing; `says` is how its event is published. */
export interface Happening {
  readonly thing: Thing
  readonly op: Op
  /** `anew` in a schema version that nobody knows, `rolledBack` in a savepoint that is undone, `silent` not at all. */
  readonly says?: 'anew' | 'rolledBack' | 'silent'
}

const waitMs = 15_000
/** Three that keep copies, and the mailing. */
const consumersPerReader = 4

export class World {
  readonly bugs = new Map<string, Bug>()
  readonly owner: Database
  readonly readers: Readonly<Record<ReaderName, Database>>
  readonly channel: RoughChannel
  readonly #fresh: readonly FreshDatabase[]
  readonly #scheduler: Scheduler
  #running: { people?: RunningService; reading?: RunningService; hearing?: RunningService } = {}

  constructor(fresh: readonly FreshDatabase[], [owner, reading, hearing]: readonly Database[], seed: number) {
    this.#fresh = fresh
    this.owner = owner!
    this.readers = { reading: reading!, hearing: hearing! }
    this.#scheduler = systemScheduler()
    this.channel = new RoughChannel(memoryChannel(this.#scheduler), seededRandom(seed).fork('channel'))
  }

  static async make(seed: number): Promise<World> {
    const fresh = await Promise.all([freshDatabase(), freshDatabase(), freshDatabase()])
    const databases = await Promise.all(fresh.map((database) => database.connect()))
    const world = new World(fresh, databases, seed)
    for (const kind of [things.persons, things.seats]) await world.owner.query(tableSql(kind.table, kind))
    for (const { reader, table, kind } of targets) await world.readers[reader].query(tableSql(table, kind))
    await world.startOwner()
    await world.startReaders()
    return world
  }

  get urls(): Readonly<Record<'people' | ReaderName, string>> {
    const [people = '', reading = '', hearing = ''] = this.#fresh.map(({ url }) => url)
    return { people, reading, hearing }
  }

  async startOwner(): Promise<void> {
    this.#running.people = defineService({ contract: things.people, database: this.owner, relayTo: this.channel })
    await this.#running.people.start()
  }

  async stopOwner(): Promise<void> {
    await this.#running.people?.stop()
  }

  async startReaders(...names: ReaderName[]): Promise<void> {
    for (const name of names.length > 0 ? names : (['reading', 'hearing'] as const)) {
      this.#running[name] = this.#reader(name)
      await this.#running[name].start()
    }
  }

  async stopReaders(...names: ReaderName[]): Promise<void> {
    const stopping = names.length > 0 ? names : (['reading', 'hearing'] as const)
    await Promise.all(stopping.map((name) => this.#running[name]?.stop()))
  }

  async drop(): Promise<void> {
    await this.stopReaders()
    await this.stopOwner()
    await this.channel.close()
    await this.#scheduler.stop()
    await Promise.all(this.#fresh.map((database) => database.drop()))
  }

  /** Writes the owner's rows and publishes what is to be published, in one transaction. */
  async happen(happenings: readonly Happening[]): Promise<void> {
    if (happenings.length === 0) return
    await this.owner.transaction(async (tx) => {
      for (const { thing, op, says } of happenings) {
        const { text, values } = write(thing.kind.table, thing, op)
        tx.send(text, values)
        if (says === 'silent') continue
        if (says !== 'rolledBack') await this.#say(tx, { thing, op, ...(says ? { says } : {}) })
        else await tx.savepoint(() => this.#say(tx, { thing, op }).then(() => Promise.reject(undone))).catch(swallow)
      }
    })
  }

  async #say(tx: Transaction, { thing, op, says }: Happening): Promise<void> {
    if (says === 'anew') await publish(tx, things.PersonSavedAnew, { ...dataOf(thing, op), pronouns: 'they' } as never)
    else await publish(tx, eventOf(thing, op), dataOf(thing, op))
  }

  /** A statement behind everybody's back. */
  async behind(at: 'people' | ReaderName, { text, values }: Sql): Promise<void> {
    await (at === 'people' ? this.owner : this.readers[at]).query(text, values)
  }

  /** Everything published is done, or set aside, by every consumer of the readers, and its position is stored. */
  async drained(...names: ReaderName[]): Promise<void> {
    const { rows: lanes } = await this.owner.query<{ lane: number; xid: string; seq: string }>(
      `select distinct on (lane) lane, xid::text, seq::text from selvedge.log order by lane, log.seq desc`,
    )
    const last = [lanes.map(({ lane }) => lane), lanes.map(({ xid }) => xid), lanes.map(({ seq }) => seq)]
    for (const name of names.length > 0 ? names : (['reading', 'hearing'] as const)) {
      const past = async () => {
        const { rows } = await this.readers[name].query<{ consumer: string; lane: number }>(
          `select p.consumer, p.lane from (select distinct on (consumer, lane) * from selvedge.position order by consumer, lane, n desc) p
           join unnest($1::int[], $2::text[], $3::bigint[]) l(lane, xid, last) using (lane)
           where pg_visible_in_snapshot(l.xid::xid8, p.previous)
             or coalesce(p.seq >= l.last and pg_visible_in_snapshot(l.xid::xid8, p.current), false)`,
          last,
        )
        return rows
      }
      const isPast = async () => (await past()).length === lanes.length * consumersPerReader
      const what = `${name} to be past all events`
      try {
        await waitFor(isPast, { within: waitMs, what })
      } catch {
        // What silence does after 5 s by default, and here after 10 minutes. It is said, because nobody should have to wait for it.
        const state = async () =>
          `past are ${JSON.stringify(await past())} of ${last[0]}; ${JSON.stringify(this.#running[name]?.health().consumers)}`
        const before = await state()
        console.warn(`${name} stood still; ${before}`)
        this.#running[name]?.wake()
        await waitFor(isPast, { within: waitMs, what }).catch(async (error: unknown) => {
          throw new Error(`${error instanceof Error ? error.message : error} Before: ${before} Now: ${await state()}`)
        })
      }
    }
  }

  /** What the config of a check looks like: with the owner's log, or with nothing but tables. */
  config(options: {
    readonly deadline: Duration
    readonly hasLog: boolean
    readonly only?: readonly [Target, Thing[]][]
  }): Config {
    const of = options.only ?? targets.map((target) => [target, undefined] as const)
    const invariants = of.map(([target, those]) => invariantOf(target, options.hasLog, those).within(options.deadline))
    const sources = Object.fromEntries(Object.entries(this.urls).map(([name, url]) => [name, { url }]))
    return { sources, invariants }
  }

  /** A check; `onSleep` is what happens while it waits, in place of the time that passes. */
  check(config: Config, onSleep?: () => Promise<void>): Promise<Report> {
    if (onSleep === undefined) return check(config)
    // Each wait is over at once, and takes as long as was asked for on the check's clock.
    let nowMs = 0
    const clock: Clock = { now: () => new Date(), monotonicMs: () => nowMs }
    const scheduler: Scheduler = {
      task: () => {
        throw new Error('a check has no tasks')
      },
      stop: async () => undefined,
      sleep: async (ms) => {
        nowMs += ms
        await onSleep()
      },
    }
    return check(config, { clock, scheduler })
  }

  #reader(reader: ReaderName): RunningService {
    const [copied, ...kept] = targetsOf(reader)
    const handlers = ({ saved, patched, removed }: Kind, handle: Handle) => [
      on(saved, (tx, { data, stream }) => handle(tx, stream, 'save', data)),
      on(patched, (tx, { data, stream }) => handle(tx, stream, 'patch', data)),
      on(removed, (tx, { data, stream }) => handle(tx, stream, 'remove', data)),
    ]
    const keeping = kept.map((target) =>
      consumer(consumerOf(target), {
        from: things.people,
        handlers: handlers(target.kind, (tx, stream, does, data) => this.#keep(tx, target, { stream, does, data })),
      }),
    )
    const mailing = consumer(mailingOf(reader), {
      from: things.people,
      handlers: handlers(things.persons, async (_, stream) => {
        if (this.bugs.get(`${mailingOf(reader)} ${stream}`) === 'fails') throw new Error('the mail server refuses')
      }),
    })
    const source = reader === 'reading' ? {} : { channel: this.channel }
    return defineService({
      contract: service(reader),
      database: this.readers[reader],
      consumers: [...keeping, mailing],
      replicas: [this.#copy(copied!)],
      sources: { people: { database: this.owner, ...source } },
      // Messages bring all there is: the log is read only for what they are known to have lost.
      pollMs: reader === 'reading' ? 50 : 600_000,
    })
  }

  async #keep(tx: Transaction, target: Target, told: Told): Promise<void> {
    const { stream, does, data } = told
    const bug = this.bugs.get(`${consumerOf(target)} ${stream}`)
    if (bug === 'fails') throw new Error('the handler cannot bear this one')
    if (bug === 'ignores') return
    const { keys } = target.kind
    const thing: Thing = { kind: target.kind, key: keys.map((name) => data[name] as string | number) }
    const fields = Object.fromEntries(Object.entries(data).filter(([name]) => !keys.includes(name)))
    const op: Op = does === 'remove' ? { does } : { does, fields: bug === 'misreads' ? misread(fields) : fields }
    const { text, values } = write(target.table, thing, op)
    await tx.query(text, values)
  }

  #copy(target: Target) {
    const read = ({ id, ...fields }: Fields): never => {
      const bug = this.bugs.get(`${consumerOf(target)} Person/${id}`)
      if (bug === 'fails') throw new Error('the mapping cannot bear this one')
      return { key: id, fields: bug === 'misreads' ? misread(fields) : fields } as never
    }
    return replica(things.Person, {
      keep: ['name', 'email', 'score', 'active'],
      conflict: { name: ownerWins, email: ownerWins, score: ownerWins, active: ownerWins },
      from: [
        mapped(things.PersonSaved, (data) => read(data as Fields)),
        mapped(things.PersonPatched, (data) => read(data as Fields)),
        things.PersonRemoved,
      ],
      freshWithin: seconds(5),
      table: target.table,
      consumer: consumerOf(target),
      onDelete: 'cascade',
    })
  }
}

type Handle = (tx: Transaction, stream: string, does: Op['does'], data: Fields) => Promise<void>
interface Told {
  readonly stream: string
  readonly does: Op['does']
  readonly data: Fields
}

/** What a handler with a bug makes of fields: one of them is wrong. */
function misread(fields: Fields): Fields {
  const name = ['name', 'price', 'score'].find((one) => fields[one] !== undefined && fields[one] !== null)
  if (name === undefined) return fields
  const value = fields[name]
  return { ...fields, [name]: typeof value === 'number' ? value + 0.1 : `${value} (misread)` }
}

const undone = new Error('undone')
const swallow = (error: unknown): void => {
  if (error !== undone) throw error
}

function tableSql(table: string, { keys, columns }: Kind): string {
  const typed = keys.map((name) => `${name} ${name === 'learner' ? 'int' : 'text'} not null`)
  const others = Object.entries(columns).map(([name, type]) => `${name} ${type}`)
  return `create table ${table}(${[...typed, ...others].join(', ')}, primary key (${keys.join(', ')}))`
}

function invariantOf(target: Target, hasLog: boolean, only?: readonly Thing[]): Invariant {
  const { reader, table, kind } = target
  const columns = Object.keys(kind.columns)
  const where =
    only === undefined
      ? {}
      : { where: `(${kind.keys.join(', ')}) in (${only.map(literalOf).join(', ') || 'select null'})` }
  const owner = { table: kind.table, key: kind.keys, columns, ...where }
  const copy = { source: reader, table, key: kind.keys, columns, ...where }
  const isTied = hasLog && kind.entity === 'Person'
  const invariant = replicaOf(nameOf(target), {
    owner: isTied ? { of: things.Person, ...owner } : { source: 'people', ...owner },
    copy,
  })
  // Of one copy nobody says which of the consumers keeps it.
  if (!hasLog || target.by === 'replica' || nameOf(target) === 'reading.person_kept') return invariant
  return invariant.viaStream((key) => `${kind.entity}/${key}`, { consumer: consumerOf(target) })
}

function literalOf({ key }: Thing): string {
  const parts = key.map((part) => (typeof part === 'number' ? String(part) : `'${part.replaceAll("'", "''")}'`))
  return `(${parts.join(', ')})`
}

/** Where a case is found again in a report. */
export const placeOf = (target: Target, thing: Thing): string => `${nameOf(target)} ${textOf(thing)}`
