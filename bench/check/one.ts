/**
 * One check in a process of its own: `node check/one.ts <work> <differing> [--through owner=port,copy=port]`, one JSON line.
 *
 * `--through` goes by way of ports of 127.0.0.1 instead of the servers' own, for a proxy that counts.
 */
import { milliseconds } from '../../src/base/duration.ts'
import { check } from '../../src/check/check.ts'
import { urlsOf, works } from './work.ts'

const [name, differingText, , through] = process.argv.slice(2)
const work = works[name!]
if (work === undefined) throw new Error(`there are ${Object.keys(works).join(', ')}`)
const differing = Number(differingText)
const urls = urlsOf(work, differing)
const ports = new Map((through ?? '').split(',').map((pair) => pair.split('=') as [string, string]))
const by = (side: 'owner' | 'copy') => {
  const url = new URL(urls[side])
  url.port = ports.get(side) ?? url.port
  return { url: url.href }
}

/** What it may take of servers where others are at work, or always where `CHECK_BUDGET` says so. */
const budget = (process.env.CHECK_BUDGET ?? 'auto') as 'auto' | 'full'

const fromMs = performance.now()
const line = await measured().catch((error: unknown) => ({ failed: String(error) }))
process.stdout.write(`${JSON.stringify(line)}\n`)
if ('failed' in line) process.exitCode = 1

async function measured(): Promise<Record<string, unknown>> {
  const sources = { owner: by('owner'), copy: by('copy') }
  const report = await check(
    { sources, invariants: [work!.invariant.within(milliseconds(0))] },
    { budget, isQuick: work!.isQuick ?? false },
  )
  const seconds = (performance.now() - fromMs) / 1000
  const expected = work!.expected(differing)
  const why = report.invariants[0]?.why
  if (report.incomplete) return { failed: why }
  if (report.findings.length !== expected) return { failed: `${report.findings.length} findings, not ${expected}` }
  const { user, system } = process.cpuUsage()
  return {
    checkSeconds: Number(seconds.toFixed(3)),
    residentMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    nodeCpuSeconds: Number(((user + system) / 1e6).toFixed(2)),
    answer: `${report.findings.length} findings`,
  }
}
