#!/usr/bin/env node
/**
 * The command `selvedge`. A signal lets what runs come to its end in order; a second one ends the process at once.
 */
import { systemScheduler } from '../base/scheduler.ts'
import { main } from './main.ts'

const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/**
 * How long a stop in order may take. What a demo started is ended by itself when this process is gone; a watch waits for
 * its run in flight, as long as most supervisors wait before they kill.
 */
const stopWithinMs = new Map([
  ['demo', 4_000],
  ['watch', 25_000],
])

const stopping = new AbortController()
for (const [name, code] of Object.entries(codes))
  process.on(name, () => {
    // A command that listens ends by itself; any other has nothing to put in order.
    const withinMs = stopWithinMs.get(process.argv.slice(2).find((word) => stopWithinMs.has(word)) ?? '')
    if (stopping.signal.aborted || withinMs === undefined) process.exit(code)
    stopping.abort(code)
    void systemScheduler()
      .sleep(withinMs)
      .then(() => process.exit(code))
  })
// A reader that went away, as `| head`, is no failure of ours.
process.stdout.on('error', () => process.exit(0))
process.stderr.on('error', () => undefined)

const code = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  signal: stopping.signal,
})
// Pools and loops of a demo whose server is gone would keep trying to reach it.
process.stdout.write('', () => process.exit(code))
