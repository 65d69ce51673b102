/** Lets the causes happen: histories, a backup, what goes wrong, what is done behind backs, and what comes later. */
import { parkedStreams, skip } from '../../src/inbox/inbox.ts'
import { waitFor } from '../support/wait-for.ts'
import { buggyOf, type Case, type Cause, change, hearing, ofPersons, replicas, type Said } from './cause.ts'
import { after, Draw } from './draw.ts'
import { streamOf, type Thing } from './things.ts'
import { consumerOf, type Happening, placeOf, type ReaderName, type Target, targets, type World } from './world.ts'

/** What must be said of a place, and in which row of the matrix it counts. */
export interface Expected {
  readonly title: string
  readonly said: Said
  readonly target: Target
  readonly thing: Thing
}
export type Expectations = Map<string, Expected>

const readers: readonly ReaderName[] = ['reading', 'hearing']
/** Events of one transaction at most. */
const eventsMax = 20
/** A loss may be healed by a read of the log for another reason; then the next thing is tried. */
const lossesMax = 20
const noiseThings = 80
/** So many that a lane without one would be an accident. */
const probesPerLane = 4

export class Stage {
  readonly world: World
  readonly draw: Draw
  readonly cases: readonly Case[]

  constructor(world: World, causes: readonly Cause[], { perCause, seed }: { perCause: number; seed: number }) {
    this.world = world
    this.draw = new Draw(seed)
    this.cases = causes.flatMap((cause) =>
      Array.from({ length: perCause }, (_, n) => {
        const target = cause.at[n % cause.at.length]!
        return { cause, target, draw: this.draw, thing: this.draw.thing(target.kind), row: undefined, told: [] }
      }),
    )
  }

  /** Everything from the first event to the last of what a check is to see. */
  async play(): Promise<void> {
    this.world.channel.isRough = true
    await this.tellHistories(this.#begun())
    await this.#backUp()
    await this.tellAll(this.#begun(), ({ draw, target }) =>
      Array.from({ length: 1 + draw.random.int(2) }, () => ({ op: draw.change(target.kind) })),
    )
    await this.world.drained()
    this.world.channel.isRough = false
    await this.#noise()
    await this.#goWrong()
    for (const one of this.cases)
      for (const { at, sql } of one.cause.behind?.(one) ?? []) await this.world.behind(at, sql)
    await this.#mend()
    this.world.channel.isRough = true
    for (let round = 0; round < 2; round += 1) await this.#noise()
  }

  /** What a check must say of every case; the owner's doing shows at every copy. */
  expectations(): Expectations {
    const expected: Expectations = new Map()
    for (const { cause, target, thing } of this.cases) {
      const { title, said, saidElsewhere } = cause
      const others = targets.filter((one) => one !== target && one.kind === target.kind)
      expected.set(placeOf(target, thing), { title, said, target, thing })
      if (!cause.isOwners) continue
      for (const one of others)
        expected.set(placeOf(one, thing), {
          ...{ title: saidElsewhere === undefined ? title : `${title}: the other copies`, target: one, thing },
          said: saidElsewhere ?? said,
        })
    }
    return expected
  }

  /** Tells of many things at once, in transactions of any size and with their events mixed. */
  async tellAll(cases: readonly Case[], drawn: (one: Case) => readonly Omit<Happening, 'thing'>[]): Promise<void> {
    const queues = cases.map((one) => ({ one, left: [...drawn(one)] })).filter(({ left }) => left.length > 0)
    let batch: Happening[] = []
    let size = 1 + this.draw.random.int(eventsMax)
    while (queues.length > 0) {
      const at = this.draw.random.int(queues.length)
      const { one, left } = queues[at]!
      const next = left.shift()!
      batch.push({ thing: one.thing, ...next })
      const isTold = next.says === undefined || next.says === 'anew'
      if (isTold) one.told.push(next.op)
      if (isTold) one.row = after(one.row, next.op)
      if (left.length === 0) queues.splice(at, 1)
      if (batch.length < size && queues.length > 0) continue
      await this.world.happen(batch)
      batch = []
      size = 1 + this.draw.random.int(eventsMax)
    }
  }

  #begun(): readonly Case[] {
    return this.cases.filter(({ cause }) => cause.isNew !== true)
  }

  async #backUp(): Promise<void> {
    for (const reader of readers) {
      const tables = [
        ...targets.filter((target) => target.reader === reader).map(({ table }) => table),
        'selvedge.replica_row',
      ]
      for (const table of tables)
        await this.world.readers[reader].query(
          `create table backup_${table.replace('selvedge.', '')} as select * from ${table}`,
        )
    }
  }

  async #goWrong(): Promise<void> {
    for (const one of this.cases)
      if (one.cause.bug !== undefined) this.world.bugs.set(`${buggyOf(one)} ${streamOf(one.thing)}`, one.cause.bug)
    const lost = this.cases.filter(({ cause }) => cause.isLost)
    await this.#steady()
    for (const one of lost) this.#lose(one)
    await this.tellAll(this.cases, (one) => one.cause.during?.(one) ?? [])
    await this.world.drained()
    await this.#makeSureOf(lost)
    await this.#skipAll()
  }

  /**
   * A lane that was read from the log ends at another tick than the next punctuation says, and is read again, until both
   * happen to end together. Only then can anything be lost without a trace: so it is tried, in every lane and by every consumer.
   */
  async #steady(): Promise<void> {
    const probes = hearing(ofPersons(replicas)).flatMap((target) => this.others(probesPerLane * 8, [target]))
    await this.tellHistories(probes)
    const consumers = targets.filter(({ reader }) => reader === 'hearing')
    const isSteady = async () => {
      const all = consumers.flatMap((target) => probes.map((probe) => ({ ...probe, target })))
      for (const one of all) this.#lose(one)
      await this.tellAll(probes, (one) => [{ op: change(one) }])
      await this.world.drained()
      const healed = await this.#healed(all)
      for (const one of all) this.#find(one)
      await this.tellAll(probes, (one) => [{ op: change(one) }])
      await this.world.drained()
      return healed.length === 0
    }
    await waitFor(isSteady, { within: 240_000, what: 'lanes that are told of by punctuation alone' })
  }

  #lose({ target, thing }: Case): void {
    const { losing } = this.world.channel
    const name = consumerOf(target)
    losing.set(name, (losing.get(name) ?? new Set()).add(streamOf(thing)))
  }

  #find({ target, thing }: Case): void {
    this.world.channel.losing.get(consumerOf(target))?.delete(streamOf(thing))
  }

  /** Losses are what the tables say, and not what was wanted: where the log was read, another thing is lost instead. */
  async #makeSureOf(lost: readonly Case[]): Promise<void> {
    let healed = await this.#healed(lost)
    for (let attempt = 0; healed.length > 0; attempt += 1) {
      if (attempt === lossesMax) throw new Error(`${healed.length} losses are always healed`)
      for (const one of healed) {
        one.thing = this.draw.thing(one.target.kind)
        one.row = undefined
        one.told.length = 0
      }
      await this.tellHistories(healed.filter(({ cause }) => cause.isNew !== true))
      await this.#steady()
      for (const one of healed) this.#lose(one)
      await this.tellAll(healed, (one) => one.cause.during?.(one) ?? [])
      await this.world.drained()
      healed = await this.#healed(healed)
    }
  }

  async #healed(lost: readonly Case[]): Promise<readonly Case[]> {
    const { rows } = await this.world.readers.hearing.query<{ place: string; version: string }>(
      `select consumer || ' ' || stream as place, version::text from selvedge.applied`,
    )
    const reached = new Map(rows.map(({ place, version }) => [place, Number(version)]))
    return lost.filter(
      ({ target, thing, told }) => (reached.get(`${consumerOf(target)} ${streamOf(thing)}`) ?? 0) >= told.length,
    )
  }

  async #skipAll(): Promise<void> {
    const skipped = this.cases.filter(({ cause }) => cause.isSkipped)
    for (const reader of readers) {
      const db = this.world.readers[reader]
      const waiting = new Map(
        (await parkedStreams(db)).map((parked) => [`${parked.consumer} ${parked.stream}`, parked.firstVersion]),
      )
      const those = skipped.filter(({ target }) => target.reader === reader)
      for (const { target, thing } of those) {
        const [consumer, stream] = [consumerOf(target), streamOf(thing)]
        const version = waiting.get(`${consumer} ${stream}`) ?? 0
        await skip(db, { consumer, stream, version, by: 'the operator', reason: 'it cannot be applied' })
      }
      const names = new Set(those.map(({ target, thing }) => `${consumerOf(target)} ${streamOf(thing)}`))
      const isThrough = async () =>
        (await parkedStreams(db)).every(({ consumer, stream }) => !names.has(`${consumer} ${stream}`))
      await waitFor(isThrough, { within: 30_000, what: 'the skipped streams' })
    }
  }

  /** What has a later event is mended before it comes. */
  async #mend(): Promise<void> {
    const mended = this.cases.filter(({ cause }) => cause.after !== undefined)
    for (const one of mended) {
      this.world.bugs.delete(`${buggyOf(one)} ${streamOf(one.thing)}`)
      this.#find(one)
    }
    await this.tellAll(mended, (one) => (one.cause.after?.(one) ?? []).map((op) => ({ op })))
    await this.world.drained()
  }

  /** Events of others in every lane, after which no lane's position tells who wrote a row before. */
  async #noise(): Promise<void> {
    await this.tellHistories(this.others(noiseThings, targets))
  }

  /** Things of which nothing goes wrong. */
  others(count: number, at: readonly Target[]): readonly Case[] {
    const cause: Cause = { title: '', said: 'nothing', at }
    return Array.from({ length: count }, (_, n): Case => {
      const target = at[n % at.length]!
      return { cause, target, draw: this.draw, thing: this.draw.thing(target.kind), row: undefined, told: [] }
    })
  }

  async tellHistories(cases: readonly Case[]): Promise<void> {
    await this.tellAll(cases, ({ draw, target }) => draw.history(target.kind).map((op) => ({ op })))
    await this.world.drained()
  }
}
