/** The guarded statements of MySQL and MariaDB. They are what a plan shows, and run as shown. */
import { mysqlTable, quoteMysql } from '../../check/sources/mysql-sql.ts'
import { spatialTypes } from '../../check/sources/mysql-types.ts'
import type { CascadingKey, FullRow, GuardedStatement, NewValues, WritableColumn, WritableTable } from './writer.ts'

/** All columns as c0, c1 …, as text. */
export function rowList(table: WritableTable): string {
  return table.columns.map((column, i) => `${textOf(column)} as c${i}`).join(', ')
}

/** The condition for a key. */
export function keySql(table: WritableTable, key: readonly string[]): GuardedStatement {
  return {
    text: table.key.map((name) => `${quoteMysql(name)} = ${placeFor(columnOf(table, name))}`).join(' and '),
    values: key,
  }
}

/** `update … set … where key and everything as before` */
export function updateSql(
  table: WritableTable,
  key: readonly string[],
  set: NewValues,
  before: FullRow,
): GuardedStatement {
  const changes = Object.keys(set).map((name) => `${quoteMysql(name)} = ${placeFor(columnOf(table, name))}`)
  const guard = guardSql(table, key, before)
  return {
    text: `update ${mysqlTable(table.table)} set ${changes.join(', ')} where ${guard.text}`,
    values: [...Object.values(set), ...guard.values],
  }
}

/** A plain insert: a row that came meanwhile makes it fail as a duplicate, and stays. */
export function insertSql(table: WritableTable, key: readonly string[], set: NewValues): GuardedStatement {
  const names = [...table.key, ...Object.keys(set).filter((name) => !table.key.includes(name))]
  const values = names.map((name) => key[table.key.indexOf(name)] ?? set[name] ?? null)
  return {
    text: `insert into ${mysqlTable(table.table)} (${names.map(quoteMysql).join(', ')}) values (${names.map((name) => placeFor(columnOf(table, name))).join(', ')})`,
    values,
  }
}

/** `delete … where key and everything as before` */
export function deleteSql(table: WritableTable, key: readonly string[], before: FullRow): GuardedStatement {
  const guard = guardSql(table, key, before)
  return { text: `delete from ${mysqlTable(table.table)} where ${guard.text}`, values: guard.values }
}

/** One row when some row of `from.table` names the one with this key. A row that only names itself goes alone. */
export function takenSql(table: WritableTable, key: readonly string[], from: CascadingKey): GuardedStatement {
  const named = keySql(table, key)
  const same = from.columns.map(([child, parent]) => `c.${quoteMysql(child)} = p.${quoteMysql(parent)}`)
  const itself = table.key.map((name) => `c.${quoteMysql(name)} <=> p.${quoteMysql(name)}`).join(' and ')
  const others = from.isSelf ? ` where not (${itself})` : ''
  return {
    text: `select 1 from ${from.table} as c join (select * from ${mysqlTable(table.table)} where ${named.text}) as p on ${same.join(' and ')}${others} limit 1`,
    values: named.values,
  }
}

/** Brings a row from one state to another; the state it is in guards. */
export function restoreSql(
  table: WritableTable,
  key: readonly string[],
  { from, to }: { readonly from: FullRow | undefined; readonly to: FullRow | undefined },
): GuardedStatement {
  if (from !== undefined && to === undefined) return deleteSql(table, key, from)
  const values = (indexes: readonly number[]) =>
    Object.fromEntries(indexes.map((i) => [table.columns[i]!.name, to?.texts[i] ?? null]))
  const written = [...table.columns.keys()].filter((i) => !table.columns[i]!.isGenerated)
  if (from === undefined) return insertSql(table, key, values(written))
  return updateSql(table, key, values(written.filter((i) => from.texts[i] !== to?.texts[i])), from)
}

/** The key, and the bytes of every column's text: as bytes, for collations and padding make other texts equal. */
function guardSql(table: WritableTable, key: readonly string[], before: FullRow): GuardedStatement {
  const named = keySql(table, key)
  const same = table.columns.map((column) => `cast(${textOf(column)} as binary) <=> cast(? as binary)`)
  return { text: [named.text, ...same].join(' and '), values: [...named.values, ...before.texts] }
}

function textOf({ name, type }: WritableColumn): string {
  const column = quoteMysql(name)
  if (isBytes(type)) return `lower(hex(${column}))`
  // A float's own text has six digits; as a double it has all.
  if (type === 'float') return `cast(${column} + 0e0 as char)`
  if (type === 'bit') return `cast(${column} + 0 as char)`
  return `convert(${column} using utf8mb4)`
}

function placeFor({ type }: WritableColumn): string {
  // A uuid is compared with its dashes, of which `unhex` would silently make NULL.
  if (isBytes(type)) return `unhex(replace(?, '-', ''))`
  return type === 'bit' ? 'cast(? as unsigned)' : '?'
}

/** Whether a column holds bytes. A geometry does: as text its numbers would be taken for letters, and lost. */
export function isBytes(type: string): boolean {
  return /binary|blob/.test(type) || spatialTypes.has(type)
}

function columnOf(table: WritableTable, name: string): WritableColumn {
  const column = table.columns.find((one) => one.name === name)
  return column ?? { name, kind: 'text', type: 'varchar', isGenerated: false, isRequired: false }
}
