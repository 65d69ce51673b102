/**
 * Verdicts by cause: whatever may go wrong is made to, in real databases and by the real outbox and inbox, and what a check
 * says of it is counted. Each count must stand where the cause wants it, and docs/verdicts.md prints all of them.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshMariadb, testWithMariadb } from '../support/mariadb.ts'
import { expectDiagonal, expectNoCause } from './claims.ts'
import { region, tableOf } from './document.ts'
import { Suite } from './suite.ts'

const perCause = 20

describe('what a check says of each cause', () => {
  let suite: Suite

  beforeAll(async () => {
    suite = await Suite.play({ perCause, seed: 20 })
  }, 600_000)
  afterAll(async () => suite?.close())

  it('is its verdict with the log, as the documentation prints it', () => {
    expectDiagonal(suite.withLog, perCause)
    const table = tableOf(suite.withLog.counts)
    expect(region('with the log', table)).toBe(table)
  })

  it('is that it diverged and never why without the log, as the documentation prints it', () => {
    expectDiagonal(suite.withoutLog, perCause)
    expectNoCause(suite.withoutLog)
    const table = tableOf(suite.withoutLog.counts)
    expect(region('without the log', table)).toBe(table)
  })

  testWithMariadb('is the same where the copy is in MariaDB', async () => {
    const matrix = await suite.inMariadb(await freshMariadb())
    expectDiagonal(matrix, 3)
    expectNoCause(matrix)
    expect(matrix.counts.size).toBeGreaterThan(30)
  })
})
