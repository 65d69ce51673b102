/** The part of docs/verdicts.md that is counted and not written: between two marks, made anew by `npm run docs:verdicts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { verdicts } from '../../src/invariant/invariant.ts'
import type { Said } from './cause.ts'
import type { Counts } from './matrix.ts'

const path = fileURLToPath(new URL('../../docs/verdicts.md', import.meta.url))
const order: readonly Said[] = ['nothing', 'inconclusive', ...verdicts]

/** A table of causes and what was said of each, as Markdown; only what was said at all has a column. */
export function tableOf(counts: Counts): string {
  const columns = order.filter((said) => [...counts.values()].some((row) => row.said.has(said)))
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rows = [...counts].map(([title, { said }]) =>
    line([title, ...columns.map((column) => String(said.get(column) ?? ''))]),
  )
  return [line(['cause', ...columns]), line(['---', ...columns.map(() => '--:')]), ...rows].join('\n')
}

/** What the document says between the marks of `name`; with `SELVEDGE_WRITE_DOCS` it is first made to say `text`. */
export function region(name: string, text: string): string {
  const document = readFileSync(path, 'utf8')
  const [begin, end] = [`<!-- ${name}: counted -->\n`, `\n<!-- ${name}: end -->`]
  const [from, to] = [document.indexOf(begin) + begin.length, document.indexOf(end)]
  if (from < begin.length || to < from) throw new Error(`docs/verdicts.md has no region ${name}`)
  if (process.env.SELVEDGE_WRITE_DOCS === undefined) return document.slice(from, to)
  writeFileSync(path, `${document.slice(0, from)}${text}${document.slice(to)}`)
  return text
}
