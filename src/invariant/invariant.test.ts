import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { seconds } from '../base/base.ts'
import { service } from '../contract/contract.ts'
import {
  agree,
  byInvariantAndKey,
  conserves,
  correspondsTo,
  defineConfig,
  type Finding,
  keyText,
  references,
  replicaOf,
  sideName,
} from './invariant.ts'

const User = service('user').entity('User', { key: 'id', schema: z.object({ id: z.string(), name: z.string() }) })
const copy = { source: 'progress', table: 'learners', key: 'user_id', columns: { name: 'full_name' } }
const ofUsers = { of: User, table: 'users', columns: ['name'] }

describe('a declaration', () => {
  it('takes source, key and entity from a contract, and ties keys to its streams', () => {
    const invariant = replicaOf('Copied', { owner: ofUsers, copy })
    expect(invariant.relation.sides[0]).toMatchObject({
      source: 'user',
      key: ['id'],
      entity: 'User',
      columns: { name: { column: 'name' } },
    })
    expect(invariant.entity).toBe('User')
    expect(invariant.link?.streamOf('42')).toBe('User/42')
  })

  it('is plain data: saying more gives a changed copy', () => {
    const plain = agree('Agreed', { ...copy, source: 'a' }, copy)
    const more = plain
      .within(seconds(5))
      .about('Learner')
      .under('duplicate-data')
      .viaStream((key) => `L/${key}`, { consumer: 'c' })
    expect(plain).toMatchObject({ deadline: seconds(30), entity: undefined, problem: undefined, link: undefined })
    expect(more).toMatchObject({
      name: 'Agreed',
      deadline: seconds(5),
      entity: 'Learner',
      problem: 'duplicate-data',
      link: { consumer: 'c' },
    })
  })

  it('names its sides by source and table, or by source for a query', () => {
    const { relation } = agree('Agreed', copy, { source: 'a', query: 'select 1', key: 'user_id', columns: ['name'] })
    expect(relation.sides.map(sideName)).toEqual(['progress.learners', 'a'])
  })

  const wrong: readonly (readonly [string, () => unknown])[] = [
    ['has no source', () => agree('X', { table: 't', key: 'id' }, copy)],
    ['needs a table, a query or the path of an API', () => agree('X', { source: 'a', key: 'id' }, copy)],
    [
      'an API cannot sum up its rows',
      () => conserves('X', { source: 'a', http: { path: '/a' }, key: 'id', sum: 'n' }, { ...copy, sum: 'n' }),
    ],
    [
      'is an API, which knows no SQL',
      () => agree('X', { source: 'a', http: { path: '/a' }, key: 'id', where: 'true' }, copy),
    ],
    [
      '`one` of the side in a does not name its key',
      () => agree('X', { source: 'a', http: { path: '/a', one: '/a' }, key: 'id' }, copy),
    ],
    [
      'needs a table, a query or the path of an API',
      () => agree('X', { source: 'a', table: 't', query: 'select 1', key: 'id' }, copy),
    ],
    ['has no key', () => agree('X', { source: 'a', table: 't' }, copy)],
    ['has no key', () => agree('X', { source: 'a', table: 't', key: [] }, copy)],
    ['different lengths', () => agree('X', { ...copy, key: ['a', 'b'] }, copy)],
    ['has the columns', () => agree('X', { ...copy, columns: ['email'] }, copy)],
    ['fewer than two sides', () => agree('X', copy)],
    ['has no name', () => agree(' ', copy, copy)],
    ['`by` has 1 parts', () => references('X', { child: { ...copy, by: 'a' }, parent: { ...copy, key: ['a', 'b'] } })],
    ['has no state', () => correspondsTo('X', { left: copy, right: copy, allowed: [['a', 'b']] })],
    ['`allowed` lists no pair', () => correspondsTo('X', { left: copy, right: copy, allowed: [] })],
  ]
  it.each(wrong)('that %s is refused with its name', (sentence, declare) => {
    expect(declare).toThrow(
      expect.objectContaining({ code: 'invariant/bad-side', message: expect.stringContaining(sentence) }),
    )
  })
})

describe('a configuration', () => {
  const invariant = agree('Agreed', { ...copy, source: 'user' }, copy)
  const sources = { user: { url: 'postgres://u' }, progress: { url: 'postgresql://p' } }
  it('that is right is given back as it is', () => {
    const config = {
      sources,
      invariants: [invariant],
      baseline: [{ invariant: 'Agreed', key: '1', reason: 'known', until: '2026-12-31' }],
    }
    expect(defineConfig(config)).toBe(config)
  })

  it('is refused for a name used twice, a source not listed, and a baseline without reason, day or invariant', () => {
    const entry = { invariant: 'Agreed', key: '1', reason: 'known', until: '2026-12-31' }
    const configs = [
      { sources, invariants: [invariant, invariant] },
      { sources: { user: sources.user }, invariants: [invariant] },
      { sources: { ...sources, user: { url: '' } }, invariants: [invariant] },
      ...[{ reason: ' ' }, { until: 'soon' }, { invariant: 'Other' }].map((change) => ({
        sources,
        invariants: [invariant],
        baseline: [{ ...entry, ...change }],
      })),
    ]
    for (const config of configs)
      expect(() => defineConfig(config)).toThrow(expect.objectContaining({ code: 'invariant/bad-config' }))
  })

  it('never shows what stands where a URL should', () => {
    const secret = { sources: { ...sources, user: { url: 'oracle://root:hunter2@db' } }, invariants: [invariant] }
    expect(() => defineConfig(secret)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    )
  })
})

describe('findings', () => {
  it('have one text per key: no two composite keys share it', () => {
    expect([['a'], ['a/b'], ['a', 'b'], ['a/b', 'c'], ['a', 'b/c'], ['a%2Fb', 'c']].map(keyText)).toEqual([
      'a',
      'a/b',
      'a/b',
      'a%2Fb/c',
      'a/b%2Fc',
      'a%252Fb/c',
    ])
  })

  it('are sorted by invariant, key and verdict', () => {
    const finding = (invariant: string, key: string, verdict: Finding['verdict']): Finding => ({
      invariant,
      key,
      verdict,
      proof: 'positions',
      because: '',
      present: [],
      absent: [],
      columns: [],
    })
    const sorted = [
      finding('A', '1', 'lagging'),
      finding('A', '10', 'diverged'),
      finding('A', '10', 'parked'),
      finding('A', '2', 'diverged'),
      finding('B', '1', 'diverged'),
    ]
    expect([...sorted].reverse().sort(byInvariantAndKey)).toEqual(sorted)
  })
})
