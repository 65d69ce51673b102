/**
 * One call of `check()` in a process of its own, as a service makes it: `node check/call.ts <work> <differing>`, one JSON
 * line; `seconds` are those of the call alone.
 */
import { check } from '../../dist/src/check/check.js'
import { loadConfig } from '../../dist/src/cli/load-config.js'
import { works, writeConfig } from './work.ts'

const [name, differing] = [process.argv[2]!, Number(process.argv[3])]
const config = await loadConfig(writeConfig(name, differing))
const fromMs = performance.now()
const report = await check(config, { isQuick: works[name]!.isQuick ?? false })
const seconds = Number(((performance.now() - fromMs) / 1000).toFixed(3))
const expected = works[name]!.expected(differing)
const failed = report.incomplete
  ? (report.invariants[0]?.why ?? 'incomplete')
  : report.findings.length === expected
    ? undefined
    : `${report.findings.length} findings, not ${expected}`
process.stdout.write(`${JSON.stringify({ seconds, ...(failed ? { failed } : { answer: `${expected} findings` }) })}\n`)
