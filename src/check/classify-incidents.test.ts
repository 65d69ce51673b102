import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Finding, verdicts } from '../invariant/invariant.ts'
import { classifyIncidents, incidentIdOf } from './classify-incidents.ts'

const finding = (change: Partial<Finding> = {}): Finding => ({
  invariant: 'Copies agree',
  key: '1',
  verdict: 'diverged',
  proof: 'double-read',
  because: 'they differ',
  present: ['user.users', 'progress.learners'],
  absent: [],
  columns: [{ column: 'name', values: {} }],
  ...change,
})

const anyFinding = fc.record({
  invariant: fc.constantFrom('A', 'B', 'A/B'),
  key: fc.string(),
  verdict: fc.constantFrom(...verdicts),
  proof: fc.constant('positions' as const),
  because: fc.string(),
  present: fc.subarray(['one', 'two']),
  absent: fc.subarray(['three', 'four']),
  columns: fc.subarray(['a', 'b', 'a,b']).map((names) => names.map((column) => ({ column, values: {} }))),
  cause: fc.record({
    consumer: fc.constantFrom('reader', 'keeper'),
    code: fc.constantFrom('handler/failed', 'contract/bad'),
    since: fc.constantFrom('2026-11-26T23:59:59.000Z', '2026-11-27T00:00:01.000Z', '2026-11-27T10:00:00.000Z'),
  }),
})

describe('incidents', () => {
  it('hold every finding exactly once, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(anyFinding), fc.func(fc.integer()), (findings, order) => {
        const incidents = classifyIncidents(findings)
        expect(incidents.reduce((sum, incident) => sum + incident.count, 0)).toBe(findings.length)
        for (const one of findings)
          expect(incidents.filter((incident) => incident.id === incidentIdOf(one))).toHaveLength(1)
        const shuffled = findings
          .map((one, i) => ({ one, at: order(i) }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one)
        // Findings that byInvariantAndKey cannot tell apart may stand in either order; a check gives one per key.
        const plain = (from: readonly Finding[]) =>
          classifyIncidents(from).map(({ sentence: _, next: __, ...rest }) => rest)
        expect(plain(shuffled)).toEqual(plain(findings))
      }),
    )
  })

  it('say forty thousand rows of two causes in two sentences', () => {
    const missing = { present: ['user.users'], absent: ['progress.learners'], columns: [] }
    const findings = Array.from({ length: 40_000 }, (_, i) => finding({ key: `${i}`, ...(i % 4 === 0 ? missing : {}) }))
    expect(classifyIncidents(findings)).toMatchObject([
      {
        count: 30_000,
        sentence:
          '30,000 keys differ in name between user.users and progress.learners: the sides differ for longer than the deadline',
      },
      {
        count: 10_000,
        sentence:
          '10,000 keys are in user.users, not in progress.learners: the sides differ for longer than the deadline',
      },
    ])
  })

  it('do not say that equal states differ', () => {
    const states = (left: string, right: string) => [{ column: 'state', values: { l: left, r: right } }]
    const findings = [
      finding({ key: '1', columns: states('a', 'b') }),
      finding({ key: '2', columns: states('a', 'a') }),
    ]
    expect(classifyIncidents(findings)[0]?.sentence).toBe(
      '2 keys stand in states of user.users and progress.learners that may not be together: the sides differ for longer than the deadline',
    )
  })

  it.each<[string, Partial<Finding>]>([
    ['another invariant', { invariant: 'Others agree' }],
    ['another verdict', { verdict: 'orphan' }],
    ['another column', { columns: [{ column: 'email', values: {} }] }],
    ['another side that lacks it', { absent: ['progress.learners'] }],
    ['another consumer', { cause: { consumer: 'b' } }],
    ['another error', { cause: { consumer: 'a', code: 'x/y' } }],
    ['another day', { cause: { consumer: 'a', since: '2026-11-27T00:00:00.000Z' } }],
  ])('keep %s apart', (_, change) => {
    expect(incidentIdOf(finding({ cause: { consumer: 'a' }, ...change }))).not.toBe(
      incidentIdOf(finding({ cause: { consumer: 'a' } })),
    )
  })

  it('have an id that neither key, order of columns, values nor hour change', () => {
    const values = { one: 'x' }
    const [a, b] = ['a', 'b'].map((column) => ({ column, values: {} }))
    const cause = { since: '2026-11-27T01:00:00.000Z' }
    expect(incidentIdOf(finding({ columns: [a!, b!], cause }))).toBe(
      incidentIdOf(
        finding({
          ...{ key: '2', because: 'differently said', cause: { since: '2026-11-27T23:00:00.000Z' } },
          columns: [{ column: 'b', values }, a!],
        }),
      ),
    )
    expect(incidentIdOf(finding())).toMatch(/^[0-9a-f]{12}$/)
  })

  it('lead to the streams that wait, to the doctor, or to the first key', () => {
    const next = (change: Partial<Finding>) => classifyIncidents([finding(change)])[0]?.next
    expect(next({ verdict: 'parked', cause: { consumer: "it's" } })).toBe(`selvedge parked 'it'\\''s'`)
    expect(next({ verdict: 'lagging' })).toBe('selvedge doctor')
    expect(next({ explain: 'selvedge explain User 1' })).toBe('selvedge explain User 1')
    expect(next({})).toBe(`selvedge check --only 'Copies agree'`)
    expect(next({ invariant: "a\n\u001b[2J\u009b'\\" })).toBe(
      `selvedge check --only $'a\\x0a\\x1b[2J\\xc2\\x9b\\'\\\\'`,
    )
  })

  it('tell from when to when, where a log tells it', () => {
    const at = (since: string) => finding({ key: since, cause: { since } })
    expect(classifyIncidents([at('2026-11-27T10:00:00.000Z'), at('2026-11-27T09:00:00.000Z')])[0]?.window).toEqual({
      from: '2026-11-27T09:00:00.000Z',
      to: '2026-11-27T10:00:00.000Z',
    })
    expect(classifyIncidents([finding()])[0]).not.toHaveProperty('window')
  })
})
