/** The log of another service as it is read over a simulated network: a partition cuts this way off, too. */
import type { OwnerLog } from '../log/reader.ts'
import type { Network } from './network.ts'

/** The way to a log. */
export interface LogRoute {
  readonly network: Network
  /** The service that reads. */
  readonly reader: string
  /** Counts each read that reached the owner, by what was asked. */
  onRead?(what: 'register' | 'batch' | 'gap' | 'backfill' | 'acknowledge'): void
}

/**
 * `log` with every read subject to the network.
 *
 * @throws transient `simulate/unreachable` from each read while something stands between reader and owner.
 * @example
 * const log = logOver({ network: world.network, reader: 'progress' }, new SqlOwnerLog('user', userDatabase))
 */
export function logOver({ network, reader, onRead }: LogRoute, log: OwnerLog): OwnerLog {
  const read = <T>(what: Parameters<NonNullable<LogRoute['onRead']>>[0], work: () => Promise<T>): Promise<T> =>
    network.call(reader, log.source, () => {
      onRead?.(what)
      return work()
    })
  return {
    source: log.source,
    woken: log.woken,
    register: (...given) => read('register', () => log.register(...given)),
    batch: (...given) => read('batch', () => log.batch(...given)),
    gap: (...given) => read('gap', () => log.gap(...given)),
    backfill: (...given) => read('backfill', () => log.backfill(...given)),
    acknowledge: (...given) => read('acknowledge', () => log.acknowledge(...given)),
    start: () => log.start(),
    stop: () => log.stop(),
  }
}
