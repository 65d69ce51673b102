import { expect, it } from 'vitest'
import { replicaOf } from '../invariant/invariant.ts'
import { configDigest } from './config-digest.ts'

const side = { table: 'users', key: 'id', columns: ['name'] }
const same = replicaOf('Same', { owner: { source: 'a', ...side }, copy: { source: 'b', ...side } })
const digestOf = (url: string) => configDigest({ sources: { a: { url }, b: { url } }, invariants: [same] })

it('a configuration is another one where its databases are, and not where only a password is', () => {
  const url = 'postgres://u:secret@h/d'
  expect(digestOf('postgres://u:other@h/d')).toBe(digestOf(url))
  const others = ['?host=/run/other', '?options=-csearch_path%3Dold', '?port=6000'].map((more) => digestOf(url + more))
  expect(new Set([digestOf(url), ...others]).size).toBe(4)
})
