/** Whether a side can be written at all: its key and columns must be columns of a table, for nothing is written through SQL. */
import { columnNameOf, expressionText, type Side } from '../../invariant/invariant.ts'
import type { WritableColumn, WritableTable } from './writer.ts'

/** The table of a side, or one sentence that says why nothing can be written through it. */
export async function writableTable(
  source: string,
  side: Side,
  columnsOf: (table: string) => Promise<readonly WritableColumn[]>,
): Promise<WritableTable | string> {
  if (side.rows.kind === 'http') return `${source} is an API, and only a table can be written`
  if (side.rows.kind === 'code') return `${source} is read by code, and only a table can be written`
  if (side.isGrouped === true) return `${source} is compared by sums, and a sum cannot be written into its rows`
  if (side.rows.kind !== 'table') return `${source} is read by a query, and only a table can be written`
  const { table } = side.rows
  const name = `${source}.${table}`
  const odd = [...side.key, ...Object.values(side.columns)].find((expression) => columnNameOf(expression) === undefined)
  if (odd !== undefined)
    return `${name} is compared by SQL (${expressionText(odd)}), through which nothing can be written`
  const key = side.key.map((expression) => columnNameOf(expression) ?? '')
  const mapped = new Map(Object.entries(side.columns).map(([column, at]) => [column, columnNameOf(at) ?? '']))
  const columns = await columnsOf(table)
  if (columns.length === 0) return `${name} is no table that can be written`
  const missing = [...key, ...mapped.values()].find((wanted) => !columns.some((column) => column.name === wanted))
  if (missing !== undefined) return `${name} has no column ${missing}`
  return { source, table, columns, key, mapped }
}
