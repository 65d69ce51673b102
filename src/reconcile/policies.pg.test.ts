/** Sides of which none is the owner, and services that repair themselves. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ReconcilePair, reconcilePair } from '../../test/support/reconcile-pair.ts'
import { milliseconds } from '../base/base.ts'
import { check } from '../check/check.ts'
import { agree, type Config, defineConfig, lastWriterWinsBy, type Repair } from '../invariant/invariant.ts'
import { apply, approve, plan } from './reconcile.ts'

let pair: ReconcilePair
let servers: Server[]
beforeEach(async () => {
  pair = await reconcilePair()
  servers = []
  const table = `create table paths(id int primary key, path text, changed_at timestamptz, by text)`
  for (const db of [pair.owner, pair.copy]) await db.query(table)
})
afterEach(async () => {
  for (const server of servers) server.close()
  await pair.drop()
})

function configOf(repair: Repair): Config {
  const side = (source: string) => ({ source, table: 'paths', key: 'id', columns: ['path', 'changed_at', 'by'] })
  const invariant = agree('Both know the path', side('user'), side('progress'))
  return defineConfig({ ...pair.config(), invariants: [invariant.within(milliseconds(30)).repairedBy(repair)] })
}

async function write(db: 'owner' | 'copy', id: number, path: string, at: string, by = 'system'): Promise<void> {
  await pair[db].query('insert into paths values ($1, $2, $3, $4)', [id, path, at, by])
}

async function repaired(config: Config) {
  const made = await plan(config, await check(config), { folder: pair.folder })
  return { made, applied: await apply(config, approve(made, 'ada'), { folder: pair.folder }) }
}

const paths = async (db: 'owner' | 'copy') =>
  (await pair[db].query<{ path: string }>('select path from paths order by id')).rows.map(({ path }) => path)

describe('where no side is the owner', () => {
  it('the last writer wins on both sides, and a tie is for a person', async () => {
    await write('owner', 1, 'graphs', '2026-01-31 10:00Z')
    await write('copy', 1, 'trees', '2026-01-31 09:00Z')
    await write('owner', 2, 'graphs', '2026-01-31 09:00Z')
    await write('copy', 2, 'trees', '2026-01-31 11:00+02')
    await write('copy', 3, 'sorting', '2026-01-31 09:00Z')
    await write('owner', 4, 'graphs', '2026-01-31 10:00:00.5Z')
    await write('copy', 4, 'trees', '2026-01-31 10:00:00Z')
    const { made, applied } = await repaired(configOf({ kind: 'sql', resolve: lastWriterWinsBy('changed_at') }))
    expect(made.steps.map((step) => `${step.key} ${step.repair} ${step.write?.source}`)).toEqual([
      '1 sql progress',
      '2 person undefined',
      '3 sql user',
      '4 sql progress',
    ])
    expect(applied).toMatchObject({ done: 3, left: 1, differing: [] })
    expect(await paths('owner')).toEqual(['graphs', 'graphs', 'sorting', 'graphs'])
    expect(await paths('copy')).toEqual(['graphs', 'trees', 'sorting', 'graphs'])
  })

  it('a rule decides, and a merge writes both sides in one plan', async () => {
    await write('owner', 1, 'graphs', '2026-01-31 10:00Z', 'recommendation')
    await write('copy', 1, 'trees', '2026-01-31 09:00Z', 'learner')
    await write('owner', 2, 'a', '2026-01-31 09:00Z')
    await write('copy', 2, 'b', '2026-01-31 09:00Z')
    const chosenFirst: Repair = {
      kind: 'sql',
      resolve: (sides) => {
        const rows = sides.flatMap(({ row }) => (row === undefined ? [] : [row]))
        const chosen = rows.find((row) => row.by === 'learner')
        return chosen ?? { ...rows[0], path: rows.map((row) => row.path).join('+') }
      },
    }
    const { made, applied } = await repaired(configOf(chosenFirst))
    expect(made.steps.map((step) => `${step.key} ${step.write?.source}`)).toEqual(['1 user', '2 user', '2 progress'])
    expect(applied).toMatchObject({ done: 3, skipped: 0, differing: [] })
    expect(await paths('owner')).toEqual(['trees', 'a+b'])
    expect(await paths('copy')).toEqual(['trees', 'a+b'])
  })
})

describe('a service that repairs itself', () => {
  it('is called with the row, a key of idempotency and its token; a refusal is a failure', async () => {
    await write('owner', 1, 'graphs', '2026-01-31 10:00Z')
    await write('owner', 2, 'trees', '2026-01-31 10:00Z')
    const heard: unknown[] = []
    const server = createServer((request, answer) => {
      let body = ''
      request.on('data', (chunk) => (body += chunk))
      request.on('end', async () => {
        const { path } = JSON.parse(body) as { path: string }
        heard.push([request.method, request.url, request.headers.authorization, path])
        expect(request.headers['idempotency-key']).toMatch(/\/\d$/)
        if (path === 'trees') return answer.writeHead(422).end()
        await write('copy', 1, path, '2026-01-31 10:00Z')
        return answer.writeHead(204).end()
      })
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    process.env.REPAIR_TOKEN = 'secret'
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/paths/{key}`
    const { applied } = await repaired(configOf({ kind: 'http', method: 'PUT', url, tokenFrom: 'REPAIR_TOKEN' }))
    expect(heard).toEqual([
      ['PUT', '/paths/1', 'Bearer secret', 'graphs'],
      ['PUT', '/paths/2', 'Bearer secret', 'trees'],
    ])
    expect(applied).toMatchObject({ done: 1, failed: 1, failures: [{ key: '2', why: 'PUT answered 422' }] })
  })
})
