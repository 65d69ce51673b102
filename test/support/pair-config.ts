/** The configuration of an owner and a copy that is repaired: the test and the process that it kills make the same. */
import { milliseconds } from '../../src/base/base.ts'
import { type Config, defineConfig, type Repair, replicaOf } from '../../src/invariant/invariant.ts'

/** The configuration for two URLs: any process can make the same. */
export function pairConfig([ownerUrl, copyUrl]: readonly string[], ...repairs: readonly Repair[]): Config {
  const columns = ['name', 'score', 'tags']
  const invariant = replicaOf('Learners are the users', {
    owner: { source: 'user', table: 'users', key: 'id', columns },
    copy: { source: 'progress', table: 'learners', key: 'id', columns },
  })
  const source = (url = '') => ({ url, repair: { url } })
  return defineConfig({
    sources: { user: source(ownerUrl), progress: source(copyUrl) },
    invariants: [invariant.within(milliseconds(30)).repairedBy(...repairs)],
  })
}
