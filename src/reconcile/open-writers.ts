/** The databases that repairs may write to: those whose source declares `repair`. */
import type { Config } from '../invariant/invariant.ts'
import { mysqlWriter } from './writers/mysql.ts'
import { postgresWriter } from './writers/postgres.ts'
import { placeOf, type Writer } from './writers/writer.ts'

/** Opened writers. */
export interface Writers {
  /** Undefined when the source declares no `repair`. */
  of(source: string): Writer | undefined
  /** Server and database of any source, as `Writer.place` says them. */
  placeOf(source: string): string
  close(): Promise<void>
}

/** Nothing is connected before a writer is used. */
export function openWriters(config: Config): Writers {
  const writers = new Map<string, Writer>()
  return {
    of: (source) => {
      const url = config.sources[source]?.repair?.url
      if (url === undefined) return undefined
      const known = writers.get(source) ?? openWriter(source, url)
      writers.set(source, known)
      return known
    },
    placeOf: (source) => placeOf(config.sources[source]?.url ?? ''),
    close: async () => {
      await Promise.all([...writers.values()].map((writer) => writer.close()))
    },
  }
}

function openWriter(source: string, url: string): Writer {
  return /^(?:mysql|mariadb):/.test(url) ? mysqlWriter(source, url) : postgresWriter(source, url)
}
