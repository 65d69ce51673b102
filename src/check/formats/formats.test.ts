/** The documents of a check, on reports that hold whatever a database may hold. */
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sarifShape } from '../../../test/support/sarif-shape.ts'
import { wellFormed } from '../../../test/support/well-formed.ts'
import { seconds } from '../../base/duration.ts'
import { type Baseline, type Finding, replicaOf } from '../../invariant/invariant.ts'
import { incidentIdOf } from '../classify-incidents.ts'
import { type Outcome, type Report, reportOf } from '../report.ts'
import type { Surroundings } from './format.ts'
import { htmlOf } from './html.ts'
import { junitOf } from './junit.ts'
import { sarifOf } from './sarif.ts'

const around: Surroundings = {
  at: new Date('2026-11-27T10:00:00Z'),
  version: '1.2.3',
  configFile: 'ops/selvedge config.ts',
  lineOf: () => 7,
  commandOf: (command) => `npx ${command}`,
}

const finding = (key: string, change: Partial<Finding> = {}): Finding => ({
  ...{ invariant: 'Copies agree', entity: 'User', key, verdict: 'diverged', proof: 'double-read' },
  ...{ because: 'user.users and progress.learners differ in name', present: ['user.users', 'progress.learners'] },
  absent: [],
  columns: [{ column: 'name', values: { 'user.users': `Ada ${key}`, 'progress.learners': null } }],
  explain: `selvedge explain User ${key}`,
  ...change,
})

function reportFrom(
  findings: readonly Finding[],
  change: Partial<Outcome> = {},
  baseline: readonly Baseline[] = [],
): Report {
  const side = (source: string) => ({ source, table: 't', key: 'id', columns: ['name'] })
  const names = [...new Set(findings.map((one) => one.invariant))]
  const outcomes = (names.length === 0 ? ['Copies agree'] : names).map(
    (name): Outcome => ({
      invariant: replicaOf(name, { owner: side('user'), copy: side('progress') })
        .within(seconds(5))
        .under('stale-data'),
      ...{ rows: 1_000, proof: 'double-read', inconclusive: 0, incomplete: [] },
      findings: findings.filter((one) => one.invariant === name),
      ...change,
    }),
  )
  return reportOf({ sources: {}, invariants: [], baseline }, outcomes, around.at)
}

const hostile = `]]><script>alert("1")</script>&amp;'\u0000\u001b[31m\ud800 \ufffe\r\n\t<!-- \u2028`
const hostileReport = reportFrom(
  [
    finding(hostile, {
      invariant: hostile,
      because: hostile,
      columns: [{ column: hostile, values: { [hostile]: hostile } }],
      present: [hostile],
    }),
  ],
  { incomplete: [{ why: hostile, help: hostile }] },
)
const many = (n: number) => Array.from({ length: n }, (_, i) => finding(`${i}`))

describe('JUnit', () => {
  it('has a test case per invariant: failures list findings, what was not checked is an error', () => {
    const report = reportFrom([finding('1'), finding('2', { invariant: 'Others agree' })])
    const text = junitOf(report, around)
    expect(text).toContain('<testsuite name="selvedge check" tests="2" failures="2" errors="0"')
    expect(text).toContain('<testcase classname="stale-data" name="Copies agree" file="ops/selvedge config.ts">')
    expect(text).toContain('<failure type="diverged" message="1 finding">1 diverged: user.users and progress.learners')
    expect(text).toContain('npx selvedge explain User 2')
    const incomplete = junitOf(
      reportFrom([finding('1')], { incomplete: [{ why: 'permission denied', help: 'Grant it.' }] }),
      around,
    )
    expect(incomplete).toContain('failures="0" errors="1"')
    expect(incomplete).toContain(
      '<error type="incomplete" message="not checked: permission denied; 1 finding. Grant it.">1 div',
    )
    expect(incomplete).not.toContain('<failure')
  })

  it('is well-formed XML whatever the rows hold', () => {
    expect(wellFormed(junitOf(hostileReport, around))).toBe('yes')
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (key, because) => {
        expect(
          wellFormed(junitOf(reportFrom([finding(key, { because })], { incomplete: [{ why: because }] }), around)),
        ).toBe('yes')
      }),
    )
  })
})

describe('SARIF', () => {
  const holdsShape = new Ajv({ allErrors: true }).compile(sarifShape)
  const runOf = (report: Report) => sarifOf(report, around).runs[0]!

  it('has the shape that SARIF 2.1.0 demands of what we use, whatever the rows hold', () => {
    for (const report of [hostileReport, reportFrom([]), reportFrom(many(3), {}, [accepting('1')])]) {
      const document = JSON.parse(JSON.stringify(sarifOf(report, around)))
      expect(holdsShape(document) ? [] : holdsShape.errors).toEqual([])
    }
  })

  it('points each result at its rule, its declaration and its row', () => {
    const { tool, results } = runOf(reportFrom([finding('1'), finding('2', { invariant: 'Others agree' })]))
    expect(tool.driver.rules.map((rule) => rule.id)).toEqual(['copies-agree', 'others-agree'])
    expect(results[1]).toMatchObject({
      ruleId: 'others-agree',
      locations: [
        {
          physicalLocation: { artifactLocation: { uri: 'ops/selvedge%20config.ts' }, region: { startLine: 7 } },
          logicalLocations: [{ fullyQualifiedName: 'User/2' }],
        },
      ],
    })
  })

  it('tells sentences apart that come to the same words', () => {
    const report = reportFrom([
      finding('1', { invariant: 'A = B' }),
      finding('1', { invariant: 'a b' }),
      finding('1', { invariant: '等しい' }),
    ])
    expect(new Set(runOf(report).tool.driver.rules.map((rule) => rule.id)).size).toBe(3)
  })

  it('gives a finding the same fingerprint when its values and its cause change, and no two the same', () => {
    const print = (one: Finding) => runOf(reportFrom([one])).results[0]?.partialFingerprints['selvedgeFinding/v1']
    expect(print(finding('1'))).toBe(print(finding('1', { verdict: 'orphan', columns: [], because: 'other' })))
    const all = runOf(reportFrom(many(50))).results.map((one) => one.partialFingerprints['selvedgeFinding/v1'])
    expect(new Set(all).size).toBe(50)
  })

  it('keeps accepted findings as suppressed, and says that a check was incomplete or that results were left out', () => {
    const run = runOf(
      reportFrom(many(101), { incomplete: [{ why: 'permission denied', help: 'Grant it.' }] }, [accepting('100')]),
    )
    expect(run.results.filter((one) => 'suppressions' in one)).toMatchObject([
      { suppressions: [{ kind: 'external', justification: 'it was a test (until 2999-01-01)' }] },
    ])
    expect(run.invocations[0]).toMatchObject({ executionSuccessful: false })
    const left = runOf(reportFrom(many(120)))
    expect(left.results).toHaveLength(100)
    expect(JSON.stringify(left.invocations)).toContain('20 findings of the same incidents are left out')
  })
})

const accepting = (key: string): Baseline => ({
  ...{ invariant: 'Copies agree', key, reason: 'it was a test', until: '2999-01-01' },
})

describe('the page', () => {
  it('says first what is wrong, by incident, with rows side by side, proof and command', () => {
    const page = htmlOf(reportFrom(many(60)), around)
    expect(page).toContain('<h1>60 findings in 1 incident</h1>')
    expect(page.indexOf('What is wrong now')).toBeLessThan(page.indexOf('Every invariant'))
    expect(page).toContain(`id="${incidentIdOf(finding('1'))}"`)
    expect(page).toContain('<th scope="row">name</th><td>Ada 0</td><td class="none">NULL</td>')
    expect(page).toContain('proof: double-read')
    expect(page).toContain('npx selvedge explain User 0')
    expect(page.match(/class="finding"/g)).toHaveLength(50)
    expect(page).toContain('50 findings shown, 10 left out')
    expect(page).toContain('--jsonl')
  })

  it('shows what databases hold as text, never as markup, and loads nothing', () => {
    const page = htmlOf(hostileReport, around)
    expect(page.match(/<script>/g)).toHaveLength(1)
    expect(page).toContain('&lt;script&gt;alert')
    expect(page).toContain("default-src 'none'")
    expect(page).not.toMatch(/src=|href=|url\(|@import/)
    expect(page.includes('\u0000') || page.includes('\u001b')).toBe(false)
  })

  it('is calm when all agrees, and says so when not all could be checked', () => {
    expect(htmlOf(reportFrom([]), around)).toContain('<header class="good">')
    const page = htmlOf(reportFrom([], { incomplete: [{ why: 'permission denied', help: 'Grant it.' }] }), around)
    expect(page).toContain('<header class="doubt">')
    expect(page).toContain('permission denied. Grant it.')
  })

  it('names accepted, expired and stale entries', () => {
    const past = { ...accepting('2'), until: '2020-01-01', by: 'ada' }
    const page = htmlOf(reportFrom(many(3), {}, [accepting('1'), past, accepting('9')]), around)
    for (const part of ['accepts 1', 'expired', 'stale', 'it was a test (ada)']) expect(page).toContain(part)
  })
})

describe('a report of ten thousand findings with long values', () => {
  const long = 'x'.repeat(100_000)
  const report = reportFrom(
    many(10_000).map((one, i) => ({ ...one, columns: [{ column: `c${i % 30}`, values: { 'user.users': long } }] })),
  )

  it.each([
    ['a page', () => htmlOf(report, around), 3_000_000],
    ['SARIF', () => JSON.stringify(sarifOf(report, around)), 6_000_000],
    ['JUnit', () => junitOf(report, around), 200_000],
  ])('stays small as %s', (_, make, bytesMax) => {
    expect(Buffer.byteLength(make())).toBeLessThan(bytesMax)
  })
})
