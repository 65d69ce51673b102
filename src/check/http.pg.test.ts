/** Checks of an HTTP API against PostgreSQL. */
import { describe, expect, it } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { type JsonApi, jsonApi } from '../../test/support/json-api.ts'
import { milliseconds } from '../base/base.ts'
import { diagnose } from '../explain/doctor.ts'
import { explain } from '../explain/explain.ts'
import {
  type Config,
  defineConfig,
  type HttpRows,
  type Invariant,
  references,
  replicaOf,
} from '../invariant/invariant.ts'
import { check } from './check.ts'

const soon = milliseconds(40)
const byCursor = { path: '/cursor?size=50', items: 'data', next: 'meta.next' }
const byLink = { path: '/link' }

const users = {
  ...{ source: 'user', table: 'users', key: 'id' },
  columns: {
    name: 'name',
    city: 'city',
    big: 'big',
    price: 'price',
    ratio: 'ratio',
    paid: 'paid',
    on: 'active',
    doc: 'doc',
  },
}
const listed = (http: HttpRows) => ({
  ...{ source: 'shop', http, key: 'id' },
  columns: {
    ...{ name: 'name', city: 'address.city', big: 'big', price: 'price', ratio: 'ratio', paid: 'paid' },
    ...{ on: 'active', doc: 'doc' },
  },
})
const replica = (http: HttpRows) =>
  replicaOf('The shop knows every user', { owner: users, copy: listed(http) })
    .within(soon)
    .about('User')

/** 230 users of every type, and an API that says the same in its own words. */
async function world() {
  const [fresh, api] = await Promise.all([freshDatabase(), jsonApi()])
  const db = await fresh.connect()
  await db.query(`create table users (id bigint primary key, name text, city text, big bigint, price numeric(12,4), ratio float8,
      paid timestamptz, active boolean, doc jsonb);
    insert into users select i, 'Léarner 🙂 "' || i, case when i % 5 > 0 then 'Oslo' end, 9007199254740993 + i, i * 1.1, i / 3.0::float8,
      timestamptz '2026-01-01Z' + i * interval '1.25 second', i % 2 = 0, jsonb_build_object('n', 9007199254740993, 'a', jsonb_build_array(1.5, null, '"')) from generate_series(1, 230) i`)
  const { rows } = await db.query<{ id: string; item: string }>(
    `select id::text, json_build_object('id', id, 'name', name, 'address', json_build_object('city', city), 'big', big, 'price', price,
       'ratio', ratio, 'paid', to_char(paid at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'active', active, 'doc', doc)::text as item from users order by id`,
  )
  for (const { id, item } of rows) api.items.set(id, item)
  const sources = {
    user: { url: fresh.url },
    shop: { url: api.url, http: { token: api.token, perSecond: 2_000, timeoutMs: 5_000 } },
  }
  const configOf = (...invariants: Invariant[]): Config => defineConfig({ sources, invariants })
  const keysFound = async (...invariants: Invariant[]) => {
    const report = await check(configOf(...invariants))
    expect(report.invariants.map(({ why }) => why)).toEqual(invariants.map(() => undefined))
    return report.findings.map(({ key }) => key).sort()
  }
  const whyOf = async (invariant: Invariant) => {
    const report = await check(configOf(invariant))
    expect(report).toMatchObject({ incomplete: true, findings: [] })
    expect(JSON.stringify(report)).not.toContain(api.token)
    return report.invariants[0]?.why
  }
  return { db, api, configOf, keysFound, whyOf }
}

function change({ items }: JsonApi, key: string, from: string | RegExp, to: string): void {
  const before = items.get(key) ?? ''
  items.set(key, before.replace(from, to))
  expect(items.get(key)).not.toBe(before)
}

describe('a copy behind an API', () => {
  it.each([
    ['by a cursor', byCursor],
    ['by the Link header', byLink],
    ['by a cursor, and one by one', { ...byCursor, one: '/items/{key}' }],
  ])('gives exactly the injected findings: %s', async (_, http) => {
    const { api, keysFound } = await world()
    expect(await keysFound(replica(http))).toEqual([])

    change(api, '1', 'Léarner', 'LÉarner')
    change(api, '2', 'Oslo', 'Oslo ')
    change(api, '3', /"city" : "Oslo"/, '"city" : null')
    // 2^53 and 2^53 + 1 are one number to JSON.parse.
    change(api, '4', '9007199254740997', '9007199254740996')
    change(api, '5', '5.5000', '5.5001')
    change(api, '6', '6.6000', '"6.60"')
    change(api, '7', '7.7000', '77e-1')
    change(api, '8', /"active" : true/, '"active" : false')
    change(api, '9', /Z"/, '+01:00"')
    change(api, '10', '9007199254740993', '9007199254740992')
    change(api, '11', /"ratio" : [\d.]+/, '"ratio" : 3.7')
    change(api, '12', /"price" : [\d.]+/, '"price" : "dear"')
    api.items.delete('13')
    api.items.set('9001', '{"id": 9001, "name": "nobody"}')
    api.items.set('x', '{"id": "x", "name": "nobody"}')
    expect(await keysFound(replica(http))).toEqual(
      ['1', '2', '3', '4', '5', '8', '9', '10', '11', '12', '13', '9001', 'x'].sort(),
    )
  })

  it('is not sent again where its ETag says that nothing changed', async () => {
    const { api, keysFound } = await world()
    change(api, '1', 'Léarner', 'LÉarner')
    expect(await keysFound(replica(byCursor))).toEqual(['1'])
    expect(api.counts.notModified).toBeGreaterThanOrEqual(5)
  })

  it('is looked at by the doctor, and its rows by explain', async () => {
    const { configOf } = await world()
    const config = configOf(replica(byLink))
    const { sources, unread } = await diagnose(config)
    expect(unread).toEqual([])
    expect(sources.map(({ server }) => server)).toContain('http')
    const explained = JSON.stringify(await explain(config, { entity: 'User', key: '42' }))
    expect(explained).toContain('shop/link')
    expect(explained).toContain('9007199254741035')
  })
})

it('references are checked from an API and into it', async () => {
  const { db, api, keysFound } = await world()
  await db.query(
    `create table visits (id int primary key, who text); insert into visits values (1, '7'), (2, '007'), (3, null), (4, '231')`,
  )
  api.items.set('9001', '{"id": 9001, "big": 231}')
  api.items.set('9002', '{"id": 9002, "big": null}')
  const parent = { source: 'shop', http: { ...byCursor, one: '/items/{key}' }, key: 'id' }
  const intoApi = references('Every visit is of a customer', {
    child: { source: 'user', table: 'visits', key: 'id', by: 'who' },
    parent,
  }).within(soon)
  expect(await keysFound(intoApi)).toEqual(['2', '4'])
  await db.query('update users set id = big')
  const fromApi = references('Every big is a user', {
    child: { source: 'shop', http: byLink, key: 'id', by: 'big' },
    parent: { source: 'user', table: 'users', key: 'id' },
  }).within(soon)
  expect(await keysFound(fromApi)).toEqual(['9001'])
})

describe('an API that does not answer as it should', () => {
  it('is asked again after 429, when it says', async () => {
    const { api, keysFound } = await world()
    let refusals = 0
    api.instead = (_, response) => {
      if (refusals > 0) return false
      refusals += 1
      response.writeHead(429, { 'retry-after': '1' }).end()
      return true
    }
    const began = performance.now()
    expect(await keysFound(replica(byCursor))).toEqual([])
    expect(performance.now() - began).toBeGreaterThanOrEqual(990)
    expect(refusals).toBe(1)
  })

  it('is incomplete without the right token, which is not told', async () => {
    const { api, whyOf } = await world()
    api.instead = (_, response) => {
      response.writeHead(401).end(`{"error": "no right for ${api.token}"}`)
      return true
    }
    expect(await whyOf(replica(byCursor))).toMatch(/source "shop": GET \/v1\/cursor: status 401/)
  })

  it('is incomplete, not endless, when a page leads back to one that was read', async () => {
    const { api, whyOf } = await world()
    api.instead = (_, response) => {
      response.end('{"data": [{"id": 1}], "meta": {"next": "again"}}')
      return true
    }
    expect(await whyOf(replica(byCursor))).toMatch(/page 2 leads back to one that was read/)
    expect(api.counts.requests).toBeLessThan(20)
  })

  it('is incomplete when it dies midway', async () => {
    const { api, whyOf } = await world()
    api.instead = (request, _, url) => {
      if (Number(url.searchParams.get('cursor')) < 150) return false
      request.socket.destroy()
      return true
    }
    expect(await whyOf(replica(byCursor))).toMatch(/source "shop": GET \/v1\/cursor: no answer \(.*\), 5 times/)
  })

  it('is incomplete when the path to the next page is misspelled or left out, instead of ending after one page', async () => {
    const { whyOf, keysFound } = await world()
    expect(await whyOf(replica({ ...byCursor, next: 'meta.nxt' }))).toMatch(
      /no page has `meta\.nxt`, so nothing tells whether these 50 items are all; the page has `meta\.next`/,
    )
    const { next: _, ...withoutNext } = byCursor
    expect(await whyOf(replica(withoutNext))).toMatch(/the page has `meta\.next`, which is not followed/)
    expect(await keysFound(replica(byCursor))).toEqual([])
  })

  it('is incomplete when a full page says nothing of another one, and read when it is known to be short', async () => {
    const { api, db, whyOf, keysFound } = await world()
    await db.query('delete from users where id <> all ($1)', [[...api.items.keys()].slice(0, 50)])
    api.instead = (_, response) => {
      response.end(`{"data": [${[...api.items.values()].slice(0, 50).join(',')}]}`)
      return true
    }
    const full = { path: '/cursor?limit=50', items: 'data' }
    expect(await whyOf(replica(full))).toMatch(/50 items are a full page, and nothing tells whether there are more/)
    expect(await keysFound(replica({ ...full, path: '/cursor?limit=100' }))).toEqual([])
    expect(await whyOf(replica({ ...full, next: 'next' }))).toMatch(/no page has `next`/)
    expect(await keysFound(replica({ ...full, next: 'next', pageSize: 51 }))).toEqual([])
  })

  it('is incomplete when it is not in UTF-8, names keys twice or not at all', async () => {
    const { api, configOf, keysFound, whyOf } = await world()
    const whole = [...api.items.values()]
    const answering = (body: string | Buffer) => {
      api.instead = (_, response) => {
        response.end(body)
        return true
      }
    }
    answering(Buffer.from('{"data": [{"id": 1, "name": "L\u00e9arner"}], "meta": {"next": null}}', 'latin1'))
    expect(await whyOf(replica(byCursor))).toMatch(/the answer is not in UTF-8/)
    answering(`{"data": [${[...whole, api.items.get('7')].join(',')}], "meta": {"next": null}}`)
    expect(await keysFound(replica(byCursor))).toEqual(['7'])
    answering(`{"data": [${[...whole, '{"name": "nobody"}'].join(',')}], "meta": {"next": null}}`)
    const { invariants, findings } = await check(configOf(replica(byCursor)))
    expect([findings, invariants[0]?.why]).toEqual([[], expect.stringMatching(/^1 rows of shop\/cursor have no key/)])
  })

  it('is incomplete when its pages repeat items and leave others out', async () => {
    const { api, whyOf, keysFound } = await world()
    api.instead = (_, response, url) => {
      if (url.searchParams.get('cursor') !== '100') return false
      const again = [...api.items.values()].slice(50, 100).join(',')
      response.end(`{"data": [${again}], "meta": {"next": 150}}`)
      return true
    }
    expect(await whyOf(replica(byCursor))).toMatch(
      /repeats items of another, so that a changing order may have left out \d+$/,
    )
    // Where all are listed, nothing is in doubt.
    api.instead = (_, response, url) => {
      if (url.searchParams.get('cursor') !== '100') return false
      const more = [...api.items.values()].slice(99, 150).join(',')
      response.end(`{"data": [${more}], "meta": {"next": 150}}`)
      return true
    }
    expect(await keysFound(replica(byCursor))).toEqual([[...api.items.keys()][99]])
  })

  it('is incomplete when it sends the token elsewhere, or lists what cannot be found', async () => {
    const { api, whyOf } = await world()
    const other = await jsonApi()
    api.instead = (_, response) => {
      response.writeHead(302, { location: `${other.url}/cursor` }).end()
      return true
    }
    expect(await whyOf(replica(byCursor))).toMatch(/redirects to http:\/\/127\.0\.0\.1:\d+, which is not followed/)
    expect(other.counts.requests).toBe(0)
    api.instead = undefined
    expect(await whyOf(replica({ ...byCursor, items: 'rows' }))).toMatch(/`rows` is no list/)
    expect(await whyOf(replica({ ...byCursor, one: '/nowhere/at/{key}' }))).toMatch(/not one of the items/)
    expect(await whyOf(replica({ path: '/nowhere/x' }))).toMatch(/status 404/)
  })
})
