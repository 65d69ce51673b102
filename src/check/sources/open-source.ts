/** Chooses the engine of a source by its URL. */
import type { Clock } from '../../base/clock.ts'
import type { SourceDeclaration } from '../../invariant/invariant.ts'
import { isHttpUrl, openHttp } from './http.ts'
import { openMysql } from './mysql.ts'
import { isMysqlUrl } from './mysql-connection.ts'
import { openPostgres } from './postgres.ts'
import type { Source } from './source.ts'

/** Opens a source; nothing is connected until the first read. */
export function openSource(name: string, declared: SourceDeclaration, clock: Clock | undefined): Source {
  if (isMysqlUrl(declared.url)) return openMysql(name, declared)
  if (isHttpUrl(declared.url)) return openHttp(name, declared)
  return openPostgres(name, declared, clock)
}
