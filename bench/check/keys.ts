/** The keys that a check of one pair of tables finds, in a process of its own: `node check/keys.ts '<pair as JSON>'`. */
import { milliseconds } from '../../dist/src/base/duration.js'
import { check } from '../../dist/src/check/check.js'
import { type Expression, replicaOf } from '../../dist/src/invariant/invariant.js'

/** Two databases with a table of the same name; its key is `id`. */
export interface TablePair {
  readonly owner: string
  readonly copy: string
  readonly table: string
  readonly columns: Readonly<Record<string, Expression>>
  /** Where the copy's expressions differ. */
  readonly copyColumns?: Readonly<Record<string, Expression>>
}

const { owner, copy, table, columns, copyColumns } = JSON.parse(process.argv[2]!) as TablePair
const invariant = replicaOf('pair', {
  owner: { source: 'owner', table, key: 'id', columns },
  copy: { source: 'copy', table, key: 'id', columns: copyColumns ?? columns },
})
const sources = { owner: { url: owner }, copy: { url: copy } }
const answer = await check({ sources, invariants: [invariant.within(milliseconds(0))] }).then(
  (report) =>
    report.incomplete
      ? { failed: report.invariants[0]?.why ?? 'incomplete' }
      : { keys: report.findings.map(({ key, verdict }) => (key === '' ? verdict : key)) },
  (error: unknown) => ({ failed: String(error) }),
)
process.stdout.write(`${JSON.stringify(answer)}\n`)
