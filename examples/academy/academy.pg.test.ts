/** The academy itself: what it does when nothing fails, and what the article's own way of sending does when something does. */

import { check } from 'selvedge/check'
import { drawPlan, type FaultKind, type Plan, runWorld, simulatedWorld } from 'selvedge/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { serverUrl } from '../../test/support/database.ts'
import { actionsOf } from './actions-of-plan.ts'
import { academyConfig } from './config.ts'
import { countProblems } from './count.ts'
import { type AcademyDatabases, createDatabases } from './databases.ts'
import { serviceNames } from './services.ts'
import { actionMs, aimedAt, bound, crashing, lateConsumer } from './setting.ts'
import { openTruth, problemNames } from './truth.ts'
import { naiveVariant } from './variants/naive.ts'

const cleanups: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

function plan(actions: number, kinds: readonly FaultKind[], seed = 7): Plan {
  return drawPlan({
    ...{ seed, actions, kinds, bound, actionMs, crashing, services: serviceNames, about: aimedAt },
    versionSkew: { ...lateConsumer },
  })
}

async function runNaive(drawn: Plan) {
  const prefix = `academy_${process.pid}_${cleanups.length}`
  const databases: AcademyDatabases = await createDatabases(serverUrl(), prefix)
  cleanups.push(() => databases.drop())
  const world = simulatedWorld<never>(drawn)
  const { variant, close } = await naiveVariant(world, databases)
  const actions = actionsOf(drawn)
  const started = world.time.nowMs
  const report = await runWorld({ world, variant, actions })
  const truth = await openTruth(serverUrl(), `${prefix}_truth`)
  const answers = await truth.ask(databases, {
    now: new Date(world.time.nowMs),
    boundMs: bound.milliseconds,
    performedAt: actions.map((_, n) => new Date(started + (n + 1) * drawn.actionMs)),
  })
  const checked = await check(academyConfig(databases.adminUrl), {
    clock: world.time.clock(),
    scheduler: world.scheduler,
  })
  await truth.close()
  await close()
  return { report, actions, answers, checked, counts: problemNames.map((name) => answers[name].length) }
}

describe('the naive academy', () => {
  it('is consistent as long as nothing fails', async () => {
    const { report, actions, answers } = await runNaive({ ...plan(500, []), skews: {} })
    expect(report.failures).toEqual([])
    expect(answers).toEqual(Object.fromEntries(problemNames.map((name) => [name, []])))
    expect(report.refusedActions).toEqual(actions.filter((one) => one.expected !== 'accepted').map((one) => one.number))
    expect(report.accepted).toBeGreaterThan(450)
  })

  it('has every problem of the article when messages are lost and services fail', async () => {
    const { report, actions, answers, checked, counts } = await runNaive(
      plan(800, ['lost', 'duplicated', 'reordered', 'delayed', 'stopped', 'partitioned', 'crashed', 'version-skew']),
    )
    expect(report.failures).toEqual([])
    for (const count of counts) expect(count).toBeGreaterThan(0)
    const found = countProblems(answers, checked, answers)
    for (const name of problemNames) expect(found[name], name).toMatchObject({ missed: 0, invented: 0 })
    expect(report.refusedActions).toEqual(actions.filter((one) => one.expected !== 'accepted').map((one) => one.number))
  })
})
