/** What takes time: copies that are late, a handler that is mended, keys that never rest, and an owner whose ticker is silent. */
import { milliseconds, minutes } from '../../src/base/base.ts'
import { parkedStreams } from '../../src/inbox/inbox.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Case, change, handlers, remove, type Said, save } from './cause.ts'
import { type Matrix, withoutCauses } from './matrix.ts'
import type { Expectations, Stage } from './stage.ts'
import { streamOf, type Thing } from './things.ts'
import { consumerOf, placeOf, type Target, targets } from './world.ts'

/** Both sorts of checks, of the same databases at the same time. */
export interface Matrices {
  readonly withLog: Matrix
  readonly withoutLog: Matrix
}

const readings = targets.filter(({ reader }) => reader === 'reading')
const soon = milliseconds(50)

/** Things of both kinds of which something has been told; `perCause` of them. */
async function begun(stage: Stage, perCause: number): Promise<readonly Case[]> {
  const cases = stage.others(perCause, handlers)
  await stage.tellHistories(cases)
  return cases
}

const everywhere = (cases: readonly Case[], title: string, said: Said, where = targets): Expectations =>
  new Map(
    cases.flatMap(({ thing }) =>
      where
        .filter(({ kind }) => kind === thing.kind)
        .map((target) => [placeOf(target, thing), { title, said, target, thing }] as const),
    ),
  )

/** Late, and set aside: past the deadline with its verdict, within it nothing. */
export async function late(stage: Stage, before: Expectations, matrices: Matrices, perCause: number): Promise<void> {
  const { world } = stage
  const [failing, lagging, flying] = [
    await begun(stage, perCause),
    await begun(stage, perCause),
    await begun(stage, perCause),
  ]
  for (const { target, thing } of failing) world.bugs.set(`${consumerOf(target)} ${streamOf(thing)}`, 'fails')
  await stage.tellAll(failing, (one) => [{ op: change(one) }])
  await world.drained()
  await world.stopReaders()
  const something = (one: Case) => [
    { op: one.draw.chance(0.7) ? change(one) : one.draw.chance(0.5) ? save(one) : remove },
  ]
  await stage.tellAll(lagging, something)
  const isCut = async () =>
    (await world.owner.query('select from (select selvedge.has_news() as news) n where not news')).rowCount === 1
  await waitFor(isCut, { within: 10_000, what: 'a tick of all events' })
  await world.stopOwner()
  await stage.tellAll(flying, something)

  const mendable = new Map(failing.map(({ target, thing }) => [placeOf(target, thing), { target, thing }]))
  const past = (said: (own: Said) => Said): Expectations =>
    new Map([
      ...before,
      ...everywhere(lagging, 'A reader that has stopped, past the deadline', said('lagging')),
      ...everywhere(flying, 'An owner whose ticker has stopped, past the deadline', said('in-flight')),
      ...[...mendable].map(
        ([place, at]) =>
          [place, { ...at, title: 'A handler that throws, past the deadline', said: said('parked') }] as const,
      ),
    ])
  const deadline = soon
  matrices.withLog.count(
    await world.check(world.config({ deadline, hasLog: true })),
    past((own) => own),
    ['ticker-silent'],
  )
  const plain = await world.check(world.config({ deadline, hasLog: false }))
  matrices.withoutLog.count(plain, withoutCauses(past((own) => own)))

  const within = new Map([
    ...everywhere(lagging, 'A reader that has stopped, and goes on within the deadline', 'nothing'),
    ...everywhere(flying, 'An owner whose ticker has stopped, and goes on within the deadline', 'nothing'),
    ...[...mendable].map(
      ([place, at]) =>
        [
          place,
          { ...at, title: 'A handler that throws, and is mended within the deadline', said: 'nothing' as Said },
        ] as const,
    ),
  ])
  const heal = whenBoth(async () => {
    for (const { target, thing } of failing) world.bugs.delete(`${consumerOf(target)} ${streamOf(thing)}`)
    await world.startOwner()
    await world.startReaders()
    await world.drained()
    const streams = new Set(failing.map(({ target, thing }) => `${consumerOf(target)} ${streamOf(thing)}`))
    for (const db of Object.values(world.readers))
      await waitFor(
        async () => (await parkedStreams(db)).every(({ consumer, stream }) => !streams.has(`${consumer} ${stream}`)),
        { within: 30_000, what: 'the mended handlers' },
      )
  })
  const only = onlyOf(within)
  const [byPositions, byReads] = await Promise.all([
    world.check(world.config({ deadline: minutes(5), hasLog: true, only }), heal),
    world.check(world.config({ deadline: minutes(5), hasLog: false, only }), heal),
  ])
  matrices.withLog.count(byPositions, within)
  matrices.withoutLog.count(byReads, within)
}

/** Keys whose owner and copy go on at every look: nobody can tell, and nothing is said. */
export async function hot(stage: Stage, matrices: Matrices, perCause: number): Promise<void> {
  const { world } = stage
  const cases = await begun(stage, perCause)
  const title = 'A key whose owner and copy change at every look'
  const expected = everywhere(cases, title, 'inconclusive', readings)
  const only = onlyOf(expected)
  const move = () => stage.tellAll(cases, (one) => [{ op: change(one) }])
  await world.stopReaders('reading')
  await move()
  const follow = async () => {
    await world.startReaders('reading')
    await world.drained('reading')
    await world.stopReaders('reading')
    await move()
  }
  for (const [matrix, hasLog, onSleep] of [
    [matrices.withLog, true, follow],
    [matrices.withoutLog, false, move],
  ] as const) {
    const report = await world.check(world.config({ deadline: minutes(5), hasLog, only }), onSleep)
    const inconclusive = report.invariants.reduce((sum, one) => sum + one.inconclusive, 0)
    matrix.add(title, 'inconclusive', 'inconclusive', inconclusive)
    for (const { verdict } of report.findings) matrix.add(title, 'inconclusive', verdict)
    const silent = expected.size - inconclusive - report.findings.length
    if (silent > 0) matrix.add(title, 'inconclusive', 'nothing', silent)
  }
  await world.startReaders('reading')
  await world.drained()
}

/** A log that moves without being cut, and one that has nothing to be cut. */
export async function silent(stage: Stage, matrix: Matrix, perCause: number): Promise<void> {
  const { world } = stage
  const [quiet, ...loud] = await begun(stage, 3)
  const only: [Target, Thing[]][] = [[targets.find(({ kind }) => kind === quiet!.thing.kind)!, [quiet!.thing]]]
  const said = async (deadlineMs: number): Promise<Said> => {
    const { findings } = await world.check(world.config({ deadline: milliseconds(deadlineMs), hasLog: true, only }))
    return findings.length === 1 ? findings[0]!.verdict : 'nothing'
  }
  for (let n = 0; n < perCause; n += 1)
    matrix.add('An owner that publishes nothing, whose last tick is old', 'nothing', await said(n))
  await world.stopOwner()
  for (let n = 0; n < perCause; n += 1) {
    await stage.tellAll(loud, (one) => [{ op: change(one) }])
    const isOld = async () =>
      (
        await world.owner.query(
          `select from selvedge.log where at < clock_timestamp() - $1 * interval '1 millisecond'
         and not pg_visible_in_snapshot(xid, (select snapshot from selvedge.tick order by id desc limit 1)) limit 1`,
          [n],
        )
      ).rowCount === 1
    await waitFor(isOld, { within: 10_000, every: 1, what: 'an event that no tick shows' })
    matrix.add('An owner that publishes and makes no ticks, past the deadline', 'ticker-silent', await said(n))
  }
  await world.startOwner()
}

function onlyOf(expected: Expectations): [Target, Thing[]][] {
  const those = new Map<Target, Thing[]>()
  for (const { target, thing } of expected.values()) those.set(target, [...(those.get(target) ?? []), thing])
  return [...those]
}

/** Runs `work` once, when two have come to wait for it. */
function whenBoth(work: () => Promise<void>): () => Promise<void> {
  let come = 0
  let open: () => void = () => undefined
  const both = new Promise<void>((resolve) => {
    open = resolve
  }).then(work)
  return () => {
    come += 1
    if (come === 2) open()
    return both
  }
}
