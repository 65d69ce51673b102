import { describe, expect, it } from 'vitest'
import type { Demo, DemoState, Fault } from './demo.ts'
import { appOf } from './demo-server.ts'

const state: DemoState = {
  actions: { accepted: 1200, refused: 3, unavailable: 0 },
  stopped: ['payment'],
  variants: [
    {
      name: 'naive',
      isReady: true,
      counts: { sent: 10, delivered: 9, lost: 1, refused: 0 },
      checks: 1,
      rows: { user: 12 },
      report: {
        findings: [
          {
            ...{ invariant: 'Copies agree', entity: 'User', key: '<script>alert(1)</script>', verdict: 'diverged' },
            ...{ proof: 'double-read', because: 'they differ', present: [], absent: [], columns: [] },
            explain: 'selvedge explain User 42',
          },
        ],
        ...{ incidents: [], accepted: [], baseline: { expired: [], stale: [] }, invariants: [], incomplete: false },
      },
    },
    { name: 'cured', isReady: false, counts: {}, report: undefined, checks: 0, rows: {} },
  ],
  happenings: [{ at: new Date('2026-01-01T10:00:00Z'), what: 'A message was lost.' }],
}

function served() {
  const caused: Fault[] = []
  const demo = { state: () => state, cause: async (fault: Fault) => void caused.push(fault) } as unknown as Demo
  return { app: appOf(demo, { token: 'secret-token', program: 'npx selvedge' }), caused }
}

const press = (fault: string, token: string) => ({
  method: 'POST',
  body: new URLSearchParams({ token }),
  path: `/fault/${fault}`,
})

describe('the page of the demo', () => {
  it('shows services, counts, findings with their command and three buttons, without a script', async () => {
    const answer = await served().app.request('http://127.0.0.1:4400/')
    const text = await answer.text()
    expect(answer.status).toBe(200)
    for (const part of [
      'npx selvedge explain User 42',
      'Copies agree',
      '1,200 accepted',
      'payment',
      'A message was lost.',
    ])
      expect(text).toContain(part)
    expect(text.match(/<form method="post"/g)).toHaveLength(3)
    expect(text).toContain('<noscript><meta http-equiv="refresh"')
  })

  it('shows what databases hold as text, never as markup', async () => {
    const text = await (await served().app.request('http://127.0.0.1:4400/')).text()
    expect(text).not.toContain('<script>alert(1)')
    expect(text).toContain('&lt;script&gt;alert(1)')
  })

  it('refuses a foreign host name', async () => {
    const answer = await served().app.request('http://127.0.0.1:4400/', { headers: { host: 'evil.example:4400' } })
    expect(answer.status).toBe(403)
  })

  it('causes a fault only for a button of its own', async () => {
    const { app, caused } = served()
    const { path, ...request } = press('lose', 'secret-token')
    expect(
      (await app.request(`http://127.0.0.1:4400${path}`, { ...request, body: new URLSearchParams({ token: 'x' }) }))
        .status,
    ).toBe(403)
    expect(caused).toEqual([])
    expect((await app.request(`http://127.0.0.1:4400${path}`, request)).status).toBe(303)
    expect(caused).toEqual(['lose'])
  })
})
