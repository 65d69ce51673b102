/** A side whose rows are groups, as a plain query over its groups: what `conserves` compares. */
import { refused } from '../../base/error.ts'
import type { ColumnType } from '../../digest/digest.ts'
import { type Expression, expressionText, type Side, sideName } from '../../invariant/invariant.ts'

/** How an engine writes what grouping needs. */
export interface GroupingSql {
  expression(expression: Expression): string
  select(side: Side, list: string): string
}

/** How a part of the key is told and by what it is grouped, where that is not the part itself. */
export interface GroupPart {
  readonly told?: string
  readonly by?: string
}

/**
 * The side as it is, or as a query over the sums of its groups. Texts must be grouped byte by byte: a collation would make
 * one group of 'A' and 'a', in which one sum makes up for the other.
 */
export function ungrouped(side: Side, sql: GroupingSql, parts: readonly GroupPart[]): Side {
  if (side.isGrouped !== true) return side
  const names = Object.keys(side.columns)
  const sums = names.map((name) => `coalesce(sum(${sql.expression(side.columns[name] ?? name)}), 0)`)
  const list = [
    ...side.key.map((expression, i) => `${parts[i]?.told ?? sql.expression(expression)} as selvedge_g${i}`),
    ...sums.map((sum, i) => `${sum} as selvedge_v${i}`),
  ].join(', ')
  // A group that sums up to nothing is the same as no group.
  const having = sums.map((sum) => `${sum} <> 0`).join(' or ')
  const groups = side.key.map((_, i) => parts[i]?.by ?? String(i + 1)).join(', ')
  const { isGrouped: _, ...plain } = side
  return {
    ...plain,
    rows: { kind: 'query', sql: `${sql.select(side, list)} group by ${groups} having ${having}` },
    key: side.key.map((_, i) => ({ column: `selvedge_g${i}` })),
    columns: Object.fromEntries(names.map((name, i) => [name, { column: `selvedge_v${i}` }])),
    where: undefined,
  }
}

/** Kinds that have a sum. */
const numbers: ReadonlySet<ColumnType['kind']> = new Set(['integer', 'decimal', 'float4', 'float8'])

/**
 * What a grouped side sums up must be numbers. PostgreSQL would say that there is no function; MySQL would take texts for
 * the numbers that they begin with, and sum up wrongly without a word.
 *
 * @throws refused `check/unreadable` that names the first expression which is none.
 */
export function demandNumbers(side: Side, types: readonly ColumnType[], { cast }: { readonly cast: string }): void {
  const [column, type] =
    Object.values(side.columns).flatMap((expression, i): [Expression, ColumnType][] => {
      const type = types[i]
      return type === undefined || numbers.has(type.kind) ? [] : [[expression, type]]
    })[0] ?? []
  if (column === undefined) return
  const text = expressionText(column)
  throw refused(
    'check/unreadable',
    `source "${side.source}": ${text} of ${sideName(side)} is of type ${type?.name}, of which there is no sum.`,
    `Sum up a number: \`sum: "${cast.replace('?', text)}"\`, or another column.`,
    { source: side.source, reason: 'no-number', column: text },
  )
}
