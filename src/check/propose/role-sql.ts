/** The SQL of a role that may read what a check reads, and nothing else. Printed, never run. */
import { quoteIdentifier, quoteLiteral, sqlTable } from '../../store/store.ts'
import type { Proposals } from './propose.ts'
import type { Surveyed, SurveyTable } from './survey.ts'

/** The name that is proposed for the role. */
export const roleName = 'selvedge_check'

/** The statements for one source, for whoever administrates it; the password is theirs to choose. */
export function roleSql(survey: Pick<Surveyed, 'source' | 'engine' | 'database'>, proposals: Proposals): string {
  const tables = tablesOf(survey.source, proposals)
  return (survey.engine === 'postgres' ? postgresSql(survey.database, tables) : mysqlSql(survey.database, tables)).join(
    '\n',
  )
}

function tablesOf(source: string, { references, twins }: Proposals): string[] {
  const read: SurveyTable[] = [
    // What is commented out is not checked, and needs no right.
    ...references
      .filter(({ confidence }) => confidence === 'sure')
      .flatMap(({ table, parent }) => [table, parent.table]),
    ...twins.flatMap(({ first, second }) => [first.table, second.table]),
  ]
  return [...new Set(read.filter((table) => table.source === source).map(({ name }) => name))].sort()
}

function postgresSql(database: string, tables: readonly string[]): string[] {
  const role = quoteIdentifier(roleName)
  const schemas = [...new Set(tables.map(schemaOf))].sort()
  return [
    `create role ${role} login password '<password>';`,
    `alter role ${role} set default_transaction_read_only = on;`,
    `grant connect on database ${quoteIdentifier(database)} to ${role};`,
    ...schemas.map((schema) => `grant usage on schema ${schema} to ${role};`),
    ...(tables.length === 0 ? [] : [`grant select on ${tables.map(sqlTable).join(', ')} to ${role};`]),
  ]
}

function schemaOf(table: string): string {
  const parts = sqlTable(table).match(/"(?:[^"]|"")*"/g) ?? []
  return parts.length > 1 ? parts[0]! : quoteIdentifier('public')
}

function mysqlSql(database: string, tables: readonly string[]): string[] {
  const role = `${quoteLiteral(roleName)}@'%'`
  const plain = (name: string) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name)
  const quoted = (name: string) => `\`${name.replaceAll('`', '``')}\``
  return [
    `create user ${role} identified by '<password>';`,
    ...tables.map((table) => `grant select on ${quoted(database)}.${quoted(plain(table))} to ${role};`),
  ]
}
