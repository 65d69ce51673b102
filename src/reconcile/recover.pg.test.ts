/** A process that is killed at any moment of a repair leaves what the next run finishes, and each row is written once. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { killedAt, spoil, writesOf } from '../../test/support/killed-repair.ts'
import { type ReconcilePair, reconcilePair } from '../../test/support/reconcile-pair.ts'
import { check } from '../check/check.ts'
import { apply, openJournal, runsOf, undo } from './reconcile.ts'

let pair: ReconcilePair
beforeEach(async () => {
  pair = await reconcilePair()
  await spoil(pair)
})
afterEach(() => pair.drop())

const sql = { kind: 'sql' } as const
const config = () => pair.config(sql)

/** One of each kind of moment; the long form takes all of them. */
const moments: readonly (readonly [string, number])[] = [
  ['started', 1],
  ['guarded', 3],
  ['written', 1],
  ['committed', 2],
  ['verified', 0],
]
/** Each of these starts a process that reads the whole library as TypeScript. */
const processMs = 120_000

describe('a repair whose process was killed', { timeout: processMs }, () => {
  it.each(moments)('at "%s" of step %i is finished by the next run, each row written once', async (moment, step) => {
    const made = await pair.approved(config(), { allowDelete: true })
    await killedAt(pair, made, moment, step)
    const result = await apply(config(), made, { folder: pair.folder, allowDelete: true })
    expect(result).toMatchObject({ done: 3, skipped: 0, failed: 0, differing: [] })
    expect(await writesOf(pair)).toEqual(['UPDATE 3', 'INSERT 5', 'DELETE 99'])
    expect((await check(config())).findings).toEqual([])
    expect(runsOf(openJournal(pair.folder).entries)).toHaveLength(1)
  })

  it('is taken back as far as it came, when a person undoes it instead', async () => {
    const made = await pair.approved(config(), { allowDelete: true })
    const before = await pair.rows(3, 5, 99)
    await killedAt(pair, made, 'committed', 2)
    const { run } = runsOf(openJournal(pair.folder).entries)[0]!
    expect(await undo(config(), run, { folder: pair.folder, by: 'grace' })).toMatchObject({ done: 2, failed: 0 })
    expect(await pair.rows(3, 5, 99)).toEqual(before)
  })

  it('leaves a live write alone that came between its COMMIT and its journal', async () => {
    const made = await pair.approved(config(), { allowDelete: true })
    await killedAt(pair, made, 'committed', 1)
    await pair.copy.query(`update learners set name = 'live' where id = 3`)
    await apply(config(), made, { folder: pair.folder, allowDelete: true })
    expect(await pair.rows(3)).toMatchObject([{ name: 'live' }])
  })

  it('once it had ended is not applied a second time', async () => {
    const made = await pair.approved(config(), { allowDelete: true })
    await killedAt(pair, made, 'ended', 0)
    const again = apply(config(), made, { folder: pair.folder, allowDelete: true })
    await expect(again).rejects.toMatchObject({ code: 'reconcile/applied' })
  })
})
