/** A watch on a real PostgreSQL: damage is found, told, and resolved; as a process of its own it survives what kills it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startCli } from '../../test/support/built-cli.ts'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { seconds } from '../base/base.ts'
import { replicaOf } from '../invariant/invariant.ts'
import type { Database } from '../store/store.ts'
import { type RunRecord, signatureOf, type Watch, watch } from './watch.ts'

const name = 'Progress knows every "name"'
const owner = { source: 'user', table: 'users', key: 'id', columns: ['name'] }
const copy = { source: 'progress', table: 'learners', key: 'user_id', columns: ['name'] }

let folder: string
let url: string
let db: Database
let watching: Watch | undefined
let receiver: Server | undefined
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'selvedge-watch-'))
  const fresh = await freshDatabase()
  url = fresh.url
  db = await fresh.connect()
  await db.query(`create table users(id int primary key, name text); create table learners(user_id int primary key, name text);
    insert into users values (1, 'Ada'), (2, 'Grace'); insert into learners values (1, 'Ada'), (2, 'Grace')`)
})
afterEach(async () => {
  await watching?.stop()
  watching = undefined
  receiver?.close()
  rmSync(folder, { recursive: true, force: true })
})

const damage = () => db.query(`update learners set name = 'Somebody' where user_id = 2`)
const repair = () => db.query(`update learners set name = 'Grace' where user_id = 2`)

interface Received {
  readonly signature: string
  readonly body: string
  readonly kinds: readonly string[]
}

async function receiving() {
  const received: Received[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (part: Buffer) => {
      body += part.toString()
    })
    request.on('end', () => {
      const { events } = JSON.parse(body) as { events: { kind: string }[] }
      received.push({
        ...{ signature: String(request.headers['selvedge-signature']), body },
        kinds: events.map((event) => event.kind),
      })
      response.writeHead(204).end()
    })
  })
  receiver = server
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` }
}

describe('a watch', () => {
  it('shows damage in its metrics, tells it, and tells that it was repaired', async () => {
    const hook = await receiving()
    watching = await watch(
      {
        sources: { user: { url }, progress: { url } },
        invariants: [replicaOf(name, { owner, copy }).within(seconds(0.05))],
        watch: {
          ...{ every: seconds(1), port: 0, history: { path: folder } },
          webhook: { url: hook.url, secret: { env: 'HOOK_SECRET' } },
        },
      },
      { environment: { HOOK_SECRET: 'a secret' } },
    )
    const metrics = async () => (await fetch(`${watching?.url}/metrics`)).text()
    const findings = (n: number) =>
      `selvedge_check_findings{invariant="Progress knows every \\"name\\"",verdict="diverged"} ${n}`
    await waitFor(async () => (await metrics()).includes(findings(0)), { within: 10_000 })
    await damage()
    await waitFor(async () => (await metrics()).includes(findings(1)), { within: 10_000 })
    await waitFor(() => hook.received.some(({ kinds }) => kinds.includes('opened')), { within: 20_000 })
    expect(watching.status()).toMatchObject({ open: 1, isHealthy: true, episodes: [{ key: '2' }] })
    await repair()
    await waitFor(() => hook.received.some(({ kinds }) => kinds.includes('resolved')), { within: 10_000 })
    expect(await metrics()).toContain(findings(0))
    for (const { signature, body } of hook.received) {
      const at = new Date(Number(/t=(\d+)/.exec(signature)?.[1]) * 1_000)
      expect(signature).toBe(signatureOf({ body, secret: 'a secret', at }))
    }
  })

  it('whose source is gone is ill, says why, and keeps open what was found', async () => {
    await damage()
    const broken = Object.assign(new URL(url), { pathname: '/no_such_database' }).href
    const config = (at: string) => ({
      sources: { user: { url: at }, progress: { url } },
      invariants: [replicaOf(name, { owner, copy }).within(seconds(0.05))],
      watch: { every: seconds(1), port: 0, history: { path: folder } },
    })
    watching = await watch(config(url))
    await waitFor(() => watching?.status().open === 1, { within: 10_000 })
    await watching.stop()
    watching = await watch(config(broken))
    await waitFor(() => watching?.status().isHealthy === false, { within: 10_000 })
    const health = await fetch(`${watching.url}/healthz`)
    expect([health.status, await health.text()]).toEqual([503, expect.stringContaining('no_such_database')])
    expect(watching.status().open).toBe(1)
  })
})

describe('selvedge watch as a process', () => {
  const history = () => join(folder, 'history')
  const start = (...words: string[]) => {
    const config = join(folder, 'selvedge.config.json')
    const invariants = [{ kind: 'replicaOf', name, owner, copy, within: 0.05 }]
    const setting = { every: 1, port: 0, history: { path: history() } }
    writeFileSync(config, JSON.stringify({ sources: { user: { url }, progress: { url } }, invariants, watch: setting }))
    const cli = startCli(['watch', '--config', config, '--json', ...words], folder)
    const lines = () => cli.out().split('\n').slice(0, -1)
    const run = (isIt: (run: RunRecord) => boolean) =>
      waitFor(
        () =>
          lines()
            .map((line) => JSON.parse(line) as RunRecord & { format: string })
            .find(isIt),
        {
          ...{ within: 20_000, what: 'a run' },
        },
      )
    return { ...cli, lines, run, signal: (name: NodeJS.Signals) => cli.child.kill(name) }
  }
  const has = (kind: string) => (run: RunRecord) => run.events.some((event) => event.kind === kind)

  it('keeps its history over SIGKILL, and ends in order by SIGTERM', async () => {
    await damage()
    const first = start()
    expect(await first.run(has('opened'))).toMatchObject({ format: 'selvedge/watch@1', outcome: 'findings' })
    first.signal('SIGKILL')
    await first.ended
    expect(existsSync(join(history(), 'lock'))).toBe(true)
    await repair()
    const second = start()
    expect((await second.run(has('resolved'))).events).toMatchObject([{ key: '2', how: 'agrees' }])
    second.signal('SIGTERM')
    expect(await second.ended).toBe(143)
    expect(existsSync(join(history(), 'lock'))).toBe(false)
  })

  it('refuses a second one, and with --once runs once and ends as check does', async () => {
    const running = start()
    await running.run(() => true)
    const refused = start('--once')
    expect(await refused.ended).toBe(4)
    expect(refused.errors()).toContain('watch/history-locked')
    running.signal('SIGINT')
    expect(await running.ended).toBe(130)
    const clean = start('--once')
    expect([await clean.ended, clean.lines().length]).toEqual([0, 1])
    await damage()
    expect(await start('--once').ended).toBe(1)
  })
})
