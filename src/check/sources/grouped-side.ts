/** A side whose rows are groups, as a plain query over its groups: what `conserves` compares. */
import type { Expression, Side } from '../../invariant/invariant.ts'

/** How an engine writes what grouping needs. */
export interface GroupingSql {
  expression(expression: Expression): string
  select(side: Side, list: string): string
}

/** The side as it is, or as a query over the sums of its groups. */
export function ungrouped(side: Side, sql: GroupingSql): Side {
  if (side.isGrouped !== true) return side
  const names = Object.keys(side.columns)
  const sums = names.map((name) => `coalesce(sum(${sql.expression(side.columns[name] ?? name)}), 0)`)
  const list = [
    ...side.key.map((expression, i) => `${sql.expression(expression)} as selvedge_g${i}`),
    ...sums.map((sum, i) => `${sum} as selvedge_v${i}`),
  ].join(', ')
  // A group that sums up to nothing is the same as no group.
  const having = sums.map((sum) => `${sum} <> 0`).join(' or ')
  const groups = side.key.map((_, i) => i + 1).join(', ')
  const { isGrouped: _, ...plain } = side
  return {
    ...plain,
    rows: { kind: 'query', sql: `${sql.select(side, list)} group by ${groups} having ${having}` },
    key: side.key.map((_, i) => ({ column: `selvedge_g${i}` })),
    columns: Object.fromEntries(names.map((name, i) => [name, { column: `selvedge_v${i}` }])),
    where: undefined,
  }
}
