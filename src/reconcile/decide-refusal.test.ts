/** What a plan is refused for, each alone, and what comes close. */
import { describe, expect, it } from 'vitest'
import { agree, type Finding, type Invariant, lastWriterWinsBy, type RepairLimits } from '../invariant/invariant.ts'
import { automatically, refusalOf, type Terms } from './decide-refusal.ts'
import { decideRepair, type RepairFacts } from './decide-repair.ts'
import { type Plan, type PlannedTable, type PlanStep, planFormat } from './plan-file.ts'

const side = (source: string) => ({ source, table: 't', key: 'id', columns: ['a', 'b'] })
const invariantWith = (limits: RepairLimits): Invariant =>
  agree('I', side('x'), side('y')).repairedBy({ kind: 'sql', limits })

const stepOf = (n: number, more: Partial<PlanStep> = {}): PlanStep => ({
  ...{ step: n, invariant: 'I', key: String(n), parts: [String(n)], verdict: 'diverged', proof: 'positions' },
  ...{ because: '', repair: 'sql', why: '', isAutomatic: true, target: 1, before: [], ...more },
})

const now = new Date('2026-01-31T08:30:00Z')

interface Given {
  readonly steps?: readonly PlanStep[]
  readonly table?: Partial<PlannedTable>
  readonly by?: readonly string[]
  readonly limits?: RepairLimits
  readonly config?: string
  readonly now?: Date
  readonly allowDelete?: boolean
}

function codeOf(given: Given): string | undefined {
  const steps = given.steps ?? [stepOf(1)]
  const table = { invariant: 'I', rows: 100_000, findings: steps.length, byColumn: {}, columns: 2, ...given.table }
  const plan: Plan = {
    steps,
    approvals: (given.by ?? ['ada']).map((by) => ({ by, at: '', sha256: '' })),
    header: {
      ...{ format: planFormat, created: '2026-01-31T08:00:00Z', expires: '2026-01-31T09:00:00Z', config: 'c' },
      ...{ steps: steps.length, byRepair: {}, deletes: 0, settled: 0, tables: [table], body: '' },
    },
  }
  const terms: Terms = {
    configDigest: given.config ?? 'c',
    now: given.now ?? now,
    allowDelete: given.allowDelete ?? false,
    invariants: [invariantWith(given.limits ?? {})],
  }
  return refusalOf(plan, terms)?.code
}

const steps = (count: number, more: Partial<PlanStep> = {}) =>
  Array.from({ length: count }, (_, i) => stepOf(i + 1, more))
const write = {
  kind: 'delete',
  source: 'y',
  table: 't',
  columns: [],
  beforeHash: '',
} as unknown as PlanStep['write'] & {}

describe('a plan is refused', () => {
  it.each<[string, Given, string | undefined]>([
    ['for nothing when all is well', {}, undefined],
    ['when nobody signed it', { by: [] }, 'reconcile/not-approved'],
    ['when it is too old', { now: new Date('2026-01-31T09:00:01Z') }, 'reconcile/too-old'],
    ['under another configuration', { config: 'other' }, 'reconcile/other-config'],
    ['above 100 rows', { steps: steps(101), by: ['ada', 'grace'], table: { rows: 10_000_000 } }, 'reconcile/limit'],
    ['above a thousandth of the table', { steps: steps(21), table: { rows: 20_000 } }, 'reconcile/limit'],
    ['not for ten rows of a small table', { steps: steps(10), table: { rows: 300 } }, undefined],
    ['above 50 rows with one signature', { steps: steps(51) }, 'reconcile/second-approval'],
    ['not above 50 rows with two', { steps: steps(51), by: ['ada', 'grace'] }, undefined],
    ['for a deletion that nobody allowed', { steps: [stepOf(1, { write })] }, 'reconcile/deletes'],
    ['not for one that was allowed', { steps: [stepOf(1, { write })], allowDelete: true }, undefined],
    ['not for one that is declared', { steps: [stepOf(1, { write })], limits: { deletes: 1 } }, undefined],
    ['when 5 % of the rows differ', { table: { rows: 399, findings: 20 } }, 'reconcile/mapping'],
    ['when one column explains it all', { table: { findings: 30, byColumn: { a: 25, b: 3 } } }, 'reconcile/mapping'],
    ['not when two columns do', { table: { findings: 30, byColumn: { a: 20, b: 20 } } }, undefined],
    ['not when there is one column only', { table: { findings: 30, byColumn: { a: 30 }, columns: 1 } }, undefined],
    ['not for few findings', { table: { rows: 100, findings: 19, byColumn: { a: 19 } } }, undefined],
    [
      'not when declared limits allow it',
      { table: { findings: 30, byColumn: { a: 30 } }, limits: { oneColumn: 1 } },
      undefined,
    ],
    ['not when it is automatic in all steps', { by: [automatically] }, undefined],
    [
      'when it claims to be automatic',
      { by: [automatically], steps: [stepOf(1, { isAutomatic: false })] },
      'reconcile/not-approved',
    ],
  ])('%s', (_, given, code) => {
    expect(codeOf(given)).toBe(code)
  })
})

const finding: Finding = {
  ...{ invariant: 'I', key: '1', verdict: 'diverged', proof: 'positions', because: '', present: [], absent: [] },
  columns: [],
}
const sql = { kind: 'sql' } as const
const http = { kind: 'http', method: 'POST', url: 'http://x/{key}' } as const
const facts: RepairFacts = { repairs: [http, sql], closed: {}, fight: undefined, deletesUnasked: false }

describe('the way to repair', () => {
  it.each<[string, Partial<Finding>, Partial<RepairFacts>, string, RegExp]>([
    ['is the first that fits, in the order of the design', {}, {}, 'sql', /the copy is written/],
    ['is the next when one is closed', {}, { closed: { sql: 'no right' } }, 'http', /asked to repair itself/],
    ['is none for what is merely late', { verdict: 'lagging' }, {}, 'person', /behind/],
    ['is none for a wrong mapping', { verdict: 'mapping-error', proof: 'sample' }, {}, 'person', /maps a column/],
    ['is no write for what waits', { verdict: 'parked' }, {}, 'person', /sql does not repair what is parked/],
    ['lets go what waits', { verdict: 'parked' }, { repairs: [sql, { kind: 'unblock' }] }, 'unblock', /waits/],
    ['is none when a key fights', {}, { fight: 'two writers' }, 'person', /two writers/],
    ['is none when nothing is declared', {}, { repairs: [] }, 'person', /declares no repair/],
    ['deletes nothing unasked', {}, { repairs: [sql], deletesUnasked: true }, 'person', /not allowed/],
  ])('%s', (_, found, known, repair, why) => {
    const chosen = decideRepair({ ...finding, ...found }, { ...facts, ...known })
    expect(chosen.repair).toBe(repair)
    expect(chosen.why).toMatch(why)
  })
})

describe('last writer wins by a column', () => {
  const of = (...values: readonly (readonly [string | null, string] | undefined)[]) =>
    lastWriterWinsBy('at')(
      values.map((value, i) => ({ name: String(i), row: value && { at: value[0], v: value[1] } })),
      'k',
    )?.v
  it('takes the greatest, numbers as numbers, and leaves a tie between two values to a person', () => {
    expect(of(['2026-01-31 08:00:00.5', 'a'], ['2026-01-31 08:00:00', 'b'])).toBe('a')
    expect(of(['9', 'a'], ['10', 'b'], undefined)).toBe('b')
    expect(of(['-2.5', 'a'], ['-2.25', 'b'])).toBe('b')
    expect(of([null, 'a'], ['1', 'b'])).toBe('b')
    expect(of(['1', 'a'], ['1', 'b'])).toBeUndefined()
    expect(of(['1', 'a'], ['1', 'a'], ['0', 'c'])).toBe('a')
    expect(of(undefined, [null, 'b'])).toBeUndefined()
  })
})
