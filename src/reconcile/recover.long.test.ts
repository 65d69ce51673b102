/** Every moment of every step: the process is killed there, and the next run finishes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { killedAt, spoil, writesOf } from '../../test/support/killed-repair.ts'
import { type ReconcilePair, reconcilePair } from '../../test/support/reconcile-pair.ts'
import { check } from '../check/check.ts'
import { apply } from './reconcile.ts'

let pair: ReconcilePair
beforeEach(async () => {
  pair = await reconcilePair()
  await spoil(pair)
})
afterEach(() => pair.drop())

const ofSteps = ['started', 'locked', 'guarded', 'written', 'committed', 'done']
const moments: readonly (readonly [string, number])[] = [
  ['run-started', 0],
  ...[1, 2, 3].flatMap((step) => ofSteps.map((moment) => [moment, step] as const)),
  ['verified', 0],
]

describe('a repair that was killed', () => {
  it.each(moments)('at "%s" of step %i is finished by the next run, each row written once', async (moment, step) => {
    const config = pair.config({ kind: 'sql' })
    const made = await pair.approved(config, { allowDelete: true })
    await killedAt(pair, made, moment, step)
    const result = await apply(config, made, { folder: pair.folder, allowDelete: true })
    expect(result).toMatchObject({ done: 3, skipped: 0, failed: 0, differing: [] })
    expect(await writesOf(pair)).toEqual(['UPDATE 3', 'INSERT 5', 'DELETE 99'])
    expect((await check(config)).findings).toEqual([])
  })
})
