/** The counting behind the last line of `npm test`: silence, emptiness and broken files must count as failures. */
import { describe, expect, it } from 'vitest'
import { lacking } from '../scripts/needs.ts'
import { closingLine, failure, sum, tallyOfVitest } from '../scripts/tally.ts'

const test = (status: string, fullName = 'claims', ...failureMessages: string[]) => ({
  ...{ status, fullName, failureMessages },
})
const reportOf = (...tests: ReturnType<typeof test>[]) =>
  JSON.stringify({ testResults: [{ name: 'a.test.ts', status: 'passed', assertionResults: tests }] })
const brokenFile = { name: 'b.test.ts', status: 'failed', message: 'Cannot find x\n at y', assertionResults: [] }

describe('the tally of a run', () => {
  it('counts what passed, failed and was skipped, and names each failure and each need', () => {
    const tally = tallyOfVitest(
      'pg',
      reportOf(
        test('passed'),
        test('passed'),
        test('failed', 'a claim', 'AssertionError: expected 1 to be 0\n at c'),
        test('skipped', 'a pool (skipped: needs pgbouncer)'),
        test('skipped', 'another pool (skipped: needs pgbouncer)'),
      ),
      1,
    )
    const notes = [
      'failed: a claim (a.test.ts): AssertionError: expected 1 to be 0',
      'skipped: needs pgbouncer (2 in pg)',
    ]
    expect(tally).toEqual({ passed: 2, failed: 1, skipped: 2, notes })
    expect(closingLine(tally)).toBe('2 passed, 1 failed, 2 skipped')
  })

  it('fails when there was no test', () => {
    expect(tallyOfVitest('pg', JSON.stringify({ testResults: [] }), 0)).toMatchObject({
      ...{ failed: 1, notes: ['failed: pg: no test was found, which proves nothing.'] },
    })
  })

  it('fails when there is no report, or none that can be read', () => {
    expect(tallyOfVitest('pg', undefined, 0).failed).toBe(1)
    expect(tallyOfVitest('pg', '{"testRes', 0).failed).toBe(1)
    expect(tallyOfVitest('pg', 'null', 0).failed).toBe(1)
  })

  it('fails when a file could not be loaded, beside files that passed', () => {
    const passed = { name: 'a.test.ts', status: 'passed', assertionResults: [test('passed')] }
    const tally = tallyOfVitest('unit', JSON.stringify({ testResults: [passed, brokenFile] }), 1)
    expect(tally).toMatchObject({ passed: 1, failed: 1, notes: ['failed: b.test.ts could not run: Cannot find x'] })
  })

  it('says why a hook failed beside tests of the same file that failed too', () => {
    const file = { ...brokenFile, message: 'Waited in vain', assertionResults: [test('failed', 'a claim', 'no')] }
    const notes = ['failed: a claim (b.test.ts): no', 'failed: b.test.ts could not run: Waited in vain']
    expect(tallyOfVitest('unit', JSON.stringify({ testResults: [file] }), 1)).toMatchObject({ failed: 2, notes })
  })

  it('fails when vitest does though each test passed, as on an error outside of tests', () => {
    expect(tallyOfVitest('unit', reportOf(test('passed')), 1)).toMatchObject({ passed: 1, failed: 1 })
    const report = JSON.stringify({ ...JSON.parse(reportOf(test('passed'))), outside: ['a promise\n at x'] })
    expect(tallyOfVitest('unit', report, 1).notes.join()).toContain('code 1: a promise')
  })
})

describe('the closing line', () => {
  it('sums the runs and leaves out what is zero', () => {
    const run = tallyOfVitest('unit', reportOf(test('passed'), test('passed')), 0)
    expect(closingLine(sum([run, run]))).toBe('4 passed, 0 failed')
    expect(closingLine(sum([run, failure('types: failed')]))).toBe('2 passed, 1 failed')
  })
})

describe('what a machine lacks', () => {
  it('is named where nobody asks for it, and a failure where SELVEDGE_REQUIRE does', () => {
    const lack = 'pgbouncer not installed'
    expect(lacking('pgbouncer', lack, {})).toMatchObject({ failed: 0, notes: [`skipped: ${lack}`] })
    expect(lacking('pgbouncer', lack, { SELVEDGE_REQUIRE: 'postgres' }).failed).toBe(0)
    expect(lacking('pgbouncer', lack, { SELVEDGE_REQUIRE: 'postgres, pgbouncer' }).failed).toBe(1)
  })
})
