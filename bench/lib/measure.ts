/** Clocks, loads and counters that every work shares. */
import { readdirSync, readFileSync } from 'node:fs'
import type pg from 'pg'
import { serverPid } from './server.ts'

export const nowMs = (): number => performance.now()
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits))

/** The q-quantile by rank; undefined of nothing. */
export function quantile(values: readonly number[], q: number): number | undefined {
  if (values.length === 0) return undefined
  const sorted = Float64Array.from(values).sort()
  return rounded(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!)
}

export const median = (values: readonly number[]): number | undefined => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[(sorted.length - 1) >> 1]
}

/** Calls of `work`, at most `together` at once, until `most` or the deadline; resolves with the number of calls. */
export async function closedLoop(
  limits: { readonly most: number; readonly together: number; readonly withinMs: number },
  work: (index: number) => Promise<unknown>,
): Promise<number> {
  const endMs = nowMs() + limits.withinMs
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < limits.most && nowMs() < endMs) await work(next++)
  }
  await Promise.all(Array.from({ length: limits.together }, worker))
  return next
}

/** A call each 1/rate seconds, however long the earlier ones take: a slow system meets the same load as a fast one. */
export async function openLoop(
  count: number,
  perSecond: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  const startMs = nowMs()
  const running: Promise<unknown>[] = []
  for (let index = 0; index < count; index++) {
    const waitMs = startMs + (index * 1000) / perSecond - nowMs()
    if (waitMs > 0) await pause(waitMs)
    running.push(work(index))
  }
  await Promise.all(running)
}

/** What has been used since the server and this process began. */
export interface Usage {
  /** Transaction ids drawn, subtransactions included: each is one write transaction. */
  readonly writeTransactions: number
  readonly walBytes: number
  readonly nodeCpuUs: number
  readonly serverCpuUs: number
}

export async function usage(client: pg.ClientBase): Promise<Usage> {
  const { rows } = await client.query<{ xid: string; wal: string }>(
    `select pg_snapshot_xmax(pg_current_snapshot())::text as xid, (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::text as wal`,
  )
  const { user, system } = process.cpuUsage()
  return {
    writeTransactions: Number(rows[0]!.xid),
    walBytes: Number(rows[0]!.wal),
    nodeCpuUs: user + system,
    serverCpuUs: serverCpuUs(),
  }
}

/** Usage between two readings for each of `count` events. */
export function perEvent(before: Usage, after: Usage, count: number): Readonly<Record<string, number>> {
  const each = (key: keyof Usage): number => (after[key] - before[key]) / count
  return {
    writeTransactionsPerEvent: rounded(each('writeTransactions')),
    walBytesPerEvent: Math.round(each('walBytes')),
    nodeCpuUsPerEvent: Math.round(each('nodeCpuUs')),
    serverCpuUsPerEvent: Math.round(each('serverCpuUs')),
  }
}

/** Clock ticks of /proc are hundredths of a second on Linux. */
const usPerTick = 10_000

/** CPU time of the server with all its sessions, those that have ended included. */
function serverCpuUs(): number {
  const server = serverPid()
  let ticks = 0
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const fields = statFields(entry)
    if (!fields) continue
    if (Number(entry) === server) ticks += fields.own + fields.children
    else if (fields.parent === server) ticks += fields.own
  }
  return ticks * usPerTick
}

function statFields(pid: string): { parent: number; own: number; children: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    return { parent: fields[1]!, own: fields[11]! + fields[12]!, children: fields[13]! + fields[14]! }
  } catch {
    return undefined
  }
}
