/** Declarations that compare the wrong columns, beside columns of which half the rows are wrong. */
import { milliseconds, type Random, seededRandom } from '../../src/base/base.ts'
import { check } from '../../src/check/check.ts'
import { type Invariant, replicaOf } from '../../src/invariant/invariant.ts'
import type { Said } from './cause.ts'
import type { Matrix } from './matrix.ts'
import type { World } from './world.ts'

/** What a copy holds in place of the owner's value. */
const mistakes = [
  ['name', 'upper(name)'],
  ['name', "name || ' '"],
  ['name', "split_part(name, ' ', 1)"],
  ['name', 'id'],
  ['cents', 'cents / 100'],
  ['cents', '-cents'],
  ['seen', "seen + interval '1 hour'"],
  ['seen', "date_trunc('minute', seen)"],
  ['name', 'null'],
] as const

interface Pair {
  readonly invariant: Invariant
  readonly column: string
  readonly isWhole: boolean
}

/** Checks `perCause` pairs of tables of each sort. */
export async function mapping(world: World, matrix: Matrix, perCause: number, seed: number): Promise<void> {
  const random = seededRandom(seed).fork('mapping')
  const pairs: Pair[] = []
  for (let n = 0; n < 2 * perCause; n += 1) pairs.push(await pairOf(world, random, n))
  const sources = { people: { url: world.urls.people }, reading: { url: world.urls.reading } }
  const { findings } = await check({ sources, invariants: pairs.map(({ invariant }) => invariant) })
  for (const { invariant, column, isWhole } of pairs) {
    const title = isWhole ? 'A column that is mapped wrongly' : 'A column that is wrong in half of the rows'
    const those = findings.filter((finding) => finding.invariant === invariant.name)
    const said = new Set<Said>(those.map(({ verdict }) => verdict))
    const isOfColumn = those.every(({ columns }) => columns.length === 1 && columns[0]!.column === column)
    if (!isOfColumn || said.size !== 1) matrix.unexpected.push(`${invariant.name}: ${[...said].join(', ')}`)
    matrix.add(title, isWhole ? 'mapping-error' : 'diverged', [...said][0] ?? 'nothing')
  }
}

async function pairOf(world: World, random: Random, n: number): Promise<Pair> {
  const [column, wrong] = mistakes[n % mistakes.length]!
  const isWhole = n % 2 === 0
  const rows = 40 + random.int(200)
  const table = `pair_${n}`
  const columns = 'id text primary key, name text, cents int, seen timestamptz'
  const filled = `select 'k' || i as id, 'Name ' || i as name, 100 + i as cents, timestamptz '2026-01-01 00:00:07Z' + i * interval '61 seconds' as seen from generate_series(1, ${rows}) i`
  await world.owner.query(`create table ${table}(${columns}); insert into ${table} ${filled}`)
  const where = isWhole ? 'true' : 'cents % 2 = 0'
  await world.readers.reading.query(
    `create table ${table}(${columns}); insert into ${table} ${filled}; update ${table} set ${column} = ${wrong} where ${where}`,
  )
  const side = (source: string) => ({ source, table, key: 'id', columns: ['name', 'cents', 'seen'] })
  const invariant = replicaOf(table, { owner: side('people'), copy: side('reading') }).within(milliseconds(20))
  return { invariant, column, isWhole }
}
