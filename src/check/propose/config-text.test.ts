/** The file that is written says what was proposed, whatever the names and values are. */
import fc from 'fast-check'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { wholeReader } from '../../../test/propose/cut.ts'
import { generate, int, ref, serial, text } from '../../../test/propose/generate.ts'
import { configText } from './config-text.ts'
import { placeOf } from './evidence.ts'
import { propose } from './propose.ts'
import { roleSql } from './role-sql.ts'

/** Runs the file as a module of functions that give back what they are given. */
function run(file: string): {
  sources: Record<string, { url: string }>
  invariants: { side: Record<string, unknown> }[]
} {
  const { outputText } = ts.transpileModule(file.replace(/^import .*$/m, ''), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  })
  const module = { exports: {} as { default?: unknown } }
  const given = (_name: string, side: unknown) => ({ side })
  const environment = { env: { A_URL: 'a', B_URL: 'b' } }
  new Function('exports', 'defineConfig', 'references', 'replicaOf', 'agree', 'process', outputText)(
    ...[module.exports, (config: unknown) => config, given, given, given, environment],
  )
  return module.exports.default as ReturnType<typeof run>
}

const { tables } = generate(
  {
    users: { rows: 60, columns: { id: serial(), name: text() } },
    orders: { rows: 90, columns: { id: serial(), user_id: ref('users', { dangling: 0.05 }), status_id: int(1, 3) } },
  },
  3,
)
const cut = tables.map((table) => ({ ...table, source: table.name === 'users' ? 'a' : 'b' }))

it('hostile names of tables and columns stay names, and break neither the file nor its comments', async () => {
  const { references, twins } = await propose(cut, wholeReader)
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.string({ unit: 'binary', minLength: 1 }),
      (table, column) => {
        const hostile = references.map((one) => ({
          ...one,
          columns: [column],
          table: { ...one.table, name: table },
          examples: ['*/ process.exit(1) //', '\n;bad(', table],
        }))
        const doubtful = hostile.map((one) => ({ ...one, confidence: 'doubtful' as const, doubt: `\n${column}` }))
        const sources = [
          { name: 'a', variable: 'A_URL' },
          { name: 'b', variable: 'B_URL' },
        ]
        const config = run(configText(sources, { references: [...hostile, ...doubtful], twins }))
        expect(config.sources).toEqual({ a: { url: 'a' }, b: { url: 'b' } })
        expect(config.invariants).toHaveLength(1)
        expect(config.invariants[0]!.side).toMatchObject({ child: { source: 'b', table } })
      },
    ),
  )
})

it('rights are asked for the tables that are checked, and for no other', async () => {
  const proposals = await propose(cut, wholeReader)
  expect(proposals.references.map(({ table }) => placeOf(table))).toEqual(['b.orders'])
  expect(roleSql({ source: 'a', engine: 'postgres', database: 'shop' }, proposals)).toContain(
    'grant select on "users" to "selvedge_check";',
  )
  const doubtful = proposals.references.map((one) => ({ ...one, confidence: 'doubtful' as const }))
  expect(roleSql({ source: 'a', engine: 'mysql', database: 'shop' }, { ...proposals, references: doubtful })).toBe(
    `create user 'selvedge_check'@'%' identified by '<password>';`,
  )
})

it('the proposals do not depend on the order of the tables, and none is within one source', async () => {
  const names = async (order: typeof cut) =>
    (await propose(order, wholeReader)).references.map(
      (one) => `${placeOf(one.table)}.${one.columns} ${placeOf(one.parent.table)}`,
    )
  expect(await names([...cut].reverse())).toEqual(await names(cut))
  expect(await names(tables.map((table) => ({ ...table, source: 'one' })))).toEqual([])
})
