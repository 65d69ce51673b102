/** How far consumers are behind the logs of the sources, where there is a log and its lag may be read. */
import type { Config } from '../invariant/invariant.ts'
import { consumerLags } from '../log/consumer-lag.ts'
import { openDatabase } from '../store/store.ts'
import type { LagRun } from './record.ts'

/**
 * The lag of every consumer of every source.
 *
 * Never rejects: a source without our tables, or whose role may not read them, has no lag that is known here.
 */
export async function readLags(config: Config): Promise<readonly LagRun[]> {
  const sources = Object.entries(config.sources).filter(([, { url }]) => /^postgres(ql)?:/.test(url))
  const lags = await Promise.all(
    sources.map(async ([name, { url, schema, service }]): Promise<readonly LagRun[]> => {
      const database = openDatabase(url, { max: 1, ...(schema === undefined ? {} : { schema }) })
      try {
        const read = await consumerLags(database)
        return read.map(({ consumer, events, behindMs }) => ({
          ...{ service: service ?? name, consumer, events },
          seconds: behindMs / 1_000,
        }))
      } catch {
        return []
      } finally {
        await database.close()
      }
    }),
  )
  return lags.flat()
}
