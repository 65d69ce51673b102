/** A check that is killed goes on where it was, and its folder is no longer held. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ownFolder, startCli } from '../../test/support/built-cli.ts'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'

const rows = 600_000

interface Said {
  readonly findings: readonly { readonly key: string }[]
  readonly invariants: readonly { readonly rows: number; readonly verified: { parts: number; verified: number } }[]
}

describe('check --incremental', () => {
  it('that is killed does the rest when it is run again, and finds what is there', async () => {
    const fresh = await freshDatabase()
    const db = await fresh.connect()
    for (const table of ['a', 'b'])
      await db.query(`create table ${table}(id int primary key, v int); insert into ${table} select i, 0 from generate_series(1, ${rows}) i;
        analyze ${table}`)
    await db.query(`update b set v = 1 where id in (7, ${rows})`)
    const folder = ownFolder()
    const side = (table: string) => ({ source: 'one', table, key: 'id', columns: ['v'] })
    const invariant = { kind: 'agree', name: 'Both agree', sides: [side('a'), side('b')], within: 0.05 }
    const config = { sources: { one: { url: fresh.url } }, invariants: [invariant] }
    writeFileSync(join(folder, 'selvedge.config.json'), JSON.stringify(config))
    const words = ['check', '--incremental', 'verified', '--json']

    const killed = startCli([...words, '--budget', '0.05'], folder)
    const file = join(folder, 'verified', 'verified.json')
    const verified = (): number => {
      if (!existsSync(file)) return 0
      const { invariants } = JSON.parse(readFileSync(file, 'utf8'))
      return Object.keys(invariants['Both agree']?.slices ?? {}).length
    }
    await waitFor(() => verified() > 0, { within: 30_000, what: 'some of it to be kept' })
    killed.child.kill('SIGKILL')
    expect(await killed.ended).toBe('SIGKILL')
    expect(existsSync(join(folder, 'verified', 'lock'))).toBe(true)

    const again = startCli(words, folder)
    expect(await again.ended, again.errors()).toBe(1)
    const said = JSON.parse(again.out()) as Said
    expect(said.findings.map(({ key }) => key)).toEqual(['600000', '7'])
    expect(said.invariants[0]?.rows).toBeLessThan(rows)
    const { parts, verified: good } = said.invariants[0]!.verified
    expect(good).toBe(parts - 2)
  })

  it('and --within or --touched by the wrong side of each other are refused with the way out', async () => {
    const folder = ownFolder()
    writeFileSync(
      join(folder, 'selvedge.config.json'),
      JSON.stringify({ sources: { one: { url: 'postgres://127.0.0.1:1/none' } }, invariants: [] }),
    )
    for (const [words, code] of [
      [['--within', '5'], 'cli/usage-within-alone'],
      [['--incremental', 'verified', '--touched', '5'], 'cli/usage-two-lanes'],
      [['--incremental', 'verified', '--within', '0'], 'above zero'],
    ] as const) {
      const run = startCli(['check', ...words], folder)
      expect(await run.ended).toBe(2)
      expect(run.errors()).toContain(code)
    }
  })
})
