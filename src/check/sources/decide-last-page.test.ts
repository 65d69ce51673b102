/** Which page is taken for the last. */
import { expect, it } from 'vitest'
import type { HttpRows } from '../../invariant/invariant.ts'
import { decideLastPage } from './decide-last-page.ts'
import { parseJson } from './json-node.ts'

interface Page extends Omit<HttpRows, 'path'> {
  readonly path?: string
  readonly body?: string
  readonly count?: number
  readonly isNextKnown?: boolean
}

/** Why a page is not taken for the last; undefined when it is. */
const doubt = ({ path = '/users', body = '{}', count = 50, isNextKnown = false, ...rows }: Page) =>
  decideLastPage({ rows: { path, ...rows }, body: parseJson(body), items: count, isNextKnown })?.why

it('a page is the last when the API says so, has no items, or has no pages at all', () => {
  expect(doubt({ next: 'meta.next', isNextKnown: true })).toBeUndefined()
  expect(doubt({ next: 'meta.next', count: 0 })).toBeUndefined()
  expect(doubt({ body: '[1, 2]' })).toBeUndefined()
  expect(doubt({ body: '{"data": [], "meta": {"next": null, "has_more": false, "next_cursor": ""}}' })).toBeUndefined()
})

it('a path that no page has proves nothing, however short the page, until somebody says how long a full one is', () => {
  expect(doubt({ next: 'meta.nxt', count: 3 })).toBe(
    'no page has `meta.nxt`, so nothing tells whether these 3 items are all',
  )
  expect(doubt({ next: 'meta.nxt', path: '/users?limit=500' })).toMatch(/no page has/)
  expect(doubt({ next: 'meta.next', count: 3, pageSize: 50 })).toBeUndefined()
  expect(doubt({ next: 'meta.next', count: 50, pageSize: 50 })).toMatch(/no page has/)
})

it('a page that speaks of another one is not the last, and the member that does so is named', () => {
  expect(doubt({ next: 'meta.nxt', pageSize: 90, body: '{"meta": {"next": "abc"}}' })).toMatch(
    /; the page has `meta.next`$/,
  )
  expect(doubt({ body: '{"has_more": true}' })).toBe('the page has `has_more`, which is not followed')
  expect(doubt({ body: '{"links": {"next": {"href": "/users?page=2"}}}' })).toMatch(/`links.next`/)
  expect(doubt({ body: '{"data": [{"next": "not of the page"}], "paging": {"nextPage": 2}}' })).toMatch(
    /`paging.nextPage`/,
  )
})

it('a page as full as it was asked to be is not known to be the last', () => {
  expect(doubt({ path: '/users?per_page=50' })).toBe(
    '50 items are a full page, and nothing tells whether there are more',
  )
  expect(doubt({ path: '/users?per_page=50', count: 49 })).toBeUndefined()
  expect(doubt({ path: '/users?page=50' })).toBeUndefined()
})
