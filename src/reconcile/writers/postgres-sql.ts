/** The guarded statements of PostgreSQL. They are what a plan shows, and run as shown. */
import { quoteIdentifier, sqlTable } from '../../store/store.ts'
import type { CascadingKey, FullRow, GuardedStatement, NewValues, WritableColumn, WritableTable } from './writer.ts'

/** All columns as c0, c1 …, as text, and the writing transaction as `stamp`. */
export function rowList(table: WritableTable): string {
  return [...table.columns.map(({ name }, i) => `${textOf(name)} as c${i}`), 'xmin::text as stamp'].join(', ')
}

/** The condition for a key, with its parameters from `$first` on. */
export function keySql(table: WritableTable, key: readonly string[], first: number): GuardedStatement {
  const text = table.key
    .map((name, i) => `${quoteIdentifier(name)} = ${canonicalValue(table, columnOf(table, name), first + i)}`)
    .join(' and ')
  return { text, values: key }
}

/** `update … set … where key and everything as before` */
export function updateSql(
  table: WritableTable,
  key: readonly string[],
  set: NewValues,
  before: FullRow,
): GuardedStatement {
  const names = Object.keys(set)
  const changes = names.map(
    (name, i) => `${quoteIdentifier(name)} = ${canonicalValue(table, columnOf(table, name), i + 1)}`,
  )
  const guard = guardSql(table, key, before, names.length + 1)
  return {
    text: `update ${sqlTable(table.table)} set ${changes.join(', ')} where ${guard.text} returning ${rowList(table)}`,
    values: [...names.map((name) => set[name] ?? null), ...guard.values],
  }
}

/** `insert … on conflict do nothing`: a row that came meanwhile stays. */
export function insertSql(table: WritableTable, key: readonly string[], set: NewValues): GuardedStatement {
  const names = [...table.key, ...Object.keys(set).filter((name) => !table.key.includes(name))]
  const values = names.map((name) => {
    const part = table.key.indexOf(name)
    return part >= 0 ? (key[part] ?? null) : (set[name] ?? null)
  })
  const places = names.map((name, i) => canonicalValue(table, columnOf(table, name), i + 1))
  return {
    text: `insert into ${sqlTable(table.table)} (${names.map(quoteIdentifier).join(', ')}) overriding system value values (${places.join(', ')}) on conflict do nothing returning ${rowList(table)}`,
    values,
  }
}

/** `delete … where key and everything as before` */
export function deleteSql(table: WritableTable, key: readonly string[], before: FullRow): GuardedStatement {
  const guard = guardSql(table, key, before, 1)
  return {
    text: `delete from ${sqlTable(table.table)} where ${guard.text} returning ${rowList(table)}`,
    values: guard.values,
  }
}

/** One row when some row of `from.table` names the one with this key. A row that only names itself goes alone. */
export function takenSql(table: WritableTable, key: readonly string[], from: CascadingKey): GuardedStatement {
  const named = keySql(table, key, 1)
  const same = from.columns.map(([child, parent]) => `c.${quoteIdentifier(child)} = p.${quoteIdentifier(parent)}`)
  const row = `(select *, tableoid as selvedge_t, ctid as selvedge_c from ${sqlTable(table.table)} where ${named.text}) as p`
  return {
    text: `select from ${from.table} as c join ${row} on ${same.join(' and ')} where (c.tableoid, c.ctid) <> (p.selvedge_t, p.selvedge_c) limit 1`,
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
  const written = table.columns.map((column, i) => ({ column, i })).filter(({ column }) => !column.isGenerated)
  if (from === undefined) {
    const names = written.map(({ column }) => quoteIdentifier(column.name))
    const places = written.map(({ column }, n) => `$${n + 1}::${column.type}`)
    return {
      text: `insert into ${sqlTable(table.table)} (${names.join(', ')}) overriding system value values (${places.join(', ')}) on conflict do nothing returning ${rowList(table)}`,
      values: written.map(({ i }) => to?.texts[i] ?? null),
    }
  }
  const changed = written.filter(({ i }) => from.texts[i] !== to?.texts[i])
  const changes = changed.map(({ column }, n) => `${quoteIdentifier(column.name)} = $${n + 1}::${column.type}`)
  const guard = guardSql(table, key, from, changed.length + 1)
  return {
    text: `update ${sqlTable(table.table)} set ${changes.join(', ')} where ${guard.text} returning ${rowList(table)}`,
    values: [...changed.map(({ i }) => to?.texts[i] ?? null), ...guard.values],
  }
}

/** The key, the text of every column, and the transaction that wrote the row. */
function guardSql(table: WritableTable, key: readonly string[], before: FullRow, first: number): GuardedStatement {
  const named = keySql(table, key, first)
  const from = first + key.length
  const same = table.columns.map(({ name }, i) => `${textOf(name)} collate "C" is not distinct from $${from + i}::text`)
  const stamp = `xmin::text = $${from + table.columns.length}::text`
  return {
    text: [named.text, ...same, ...(before.stamp === '' ? [] : [stamp])].join(' and '),
    values: [...named.values, ...before.texts, ...(before.stamp === '' ? [] : [before.stamp])],
  }
}

function textOf(name: string): string {
  return `${quoteIdentifier(name)}::text`
}

function columnOf(table: WritableTable, name: string): WritableColumn {
  const column = table.columns.find((one) => one.name === name)
  return column ?? { name, kind: 'text', type: 'text', isGenerated: false, isRequired: false }
}

/** A value of the column from its canonical text, wherever that came from. */
function canonicalValue(table: WritableTable, { name, kind, type }: WritableColumn, place: number): string {
  // A uuid is compared with its dashes.
  if (kind === 'bytes') return `decode(replace($${place}::text, '-', ''), 'hex')`
  if (kind !== 'json' || type === 'json' || type === 'jsonb') return `$${place}::${type}`
  // Arrays and composites are compared as JSON; the server itself knows the way back. Not by jsonb, which has no -0.
  const column = quoteIdentifier(name)
  const ofJson = `(json_populate_record(null::${sqlTable(table.table)}, json_build_object('${name.replaceAll("'", "''")}', $${place}::json))).${column}`
  // An array with lower bounds of its own comes as the text of PostgreSQL, and so does a composite that holds one.
  return `case when $${place}::text ~ '${ownText}' then $${place}::text::${type} else ${ofJson} end`
}

/** What no JSON begins with. */
const ownText = '^([(]|([[]-?[0-9]+:-?[0-9]+[]])+=)'
