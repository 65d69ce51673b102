/** The whole suite: one world, all causes, checks with the log and without it. */
import { milliseconds } from '../../src/base/base.ts'
import type { FreshMariadb } from '../support/mariadb.ts'
import { reading } from './cause.ts'
import { causes } from './causes.ts'
import { hot, late, silent } from './later.ts'
import { mapping } from './mapping.ts'
import { checkInMariadb } from './mariadb.ts'
import { Matrix, withoutCauses } from './matrix.ts'
import { type Expectations, Stage } from './stage.ts'
import { nameOf, targets, World } from './world.ts'

/** How many cases of each cause, drawn from which seed. */
export interface Size {
  readonly perCause: number
  readonly seed: number
}

const deadline = milliseconds(100)

export class Suite {
  readonly withLog = new Matrix('positions')
  readonly withoutLog = new Matrix('double-read')
  readonly #world: World
  readonly #expected: Expectations

  private constructor(world: World, expected: Expectations) {
    this.#world = world
    this.#expected = expected
  }

  /** Plays everything and checks it; `close` it in any case. */
  static async play({ perCause, seed }: Size): Promise<Suite> {
    const world = await World.make(seed)
    try {
      const stage = new Stage(world, causes, { perCause, seed })
      await stage.play()
      const suite = new Suite(world, stage.expectations())
      await suite.#check(stage, perCause)
      await mapping(world, suite.withoutLog, perCause, seed)
      return suite
    } catch (error) {
      await world.drop()
      throw error
    }
  }

  /** What is said of copies in MariaDB that hold the same rows. */
  async inMariadb(maria: FreshMariadb): Promise<Matrix> {
    const matrix = new Matrix('double-read')
    const those = reading(targets)
    const names = new Set(those.map(nameOf))
    const here = new Map([...this.#expected].filter(([, { target }]) => names.has(nameOf(target))))
    matrix.count(await checkInMariadb(this.#world, those, maria), withoutCauses(here))
    return matrix
  }

  close(): Promise<void> {
    return this.#world.drop()
  }

  async #check(stage: Stage, perCause: number): Promise<void> {
    const { withLog, withoutLog } = this
    withLog.count(await this.#world.check(this.#world.config({ deadline, hasLog: true })), this.#expected)
    const plain = await this.#world.check(this.#world.config({ deadline, hasLog: false }))
    withoutLog.count(plain, withoutCauses(this.#expected))
    // The same again beside what is late: no verdict changes because of what happens to others.
    const again = { withLog: new Matrix('positions'), withoutLog: new Matrix('double-read') }
    await late(stage, this.#expected, again, perCause)
    this.#keepNew(again.withLog, withLog)
    this.#keepNew(again.withoutLog, withoutLog)
    await hot(stage, { withLog, withoutLog }, perCause)
    await silent(stage, withLog, perCause)
  }

  /** Takes over what a second matrix counted of new causes; what it counted again must only be right. */
  #keepNew(from: Matrix, to: Matrix): void {
    const known = new Set([...this.#expected.values()].map(({ title }) => title))
    for (const [title, row] of from.counts) if (!known.has(title)) to.counts.set(title, row)
    to.wrong.push(...from.wrong)
    to.unexpected.push(...from.unexpected)
  }
}
