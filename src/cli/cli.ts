#!/usr/bin/env node
/**
 * The command `selvedge`. A signal lets what runs come to its end in order; a second one ends the process at once.
 */
import { systemScheduler } from '../base/scheduler.ts'
import { main } from './main.ts'

const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** What was started is ended by itself when this process is gone: waiting longer than this for a stop in order helps nobody. */
const stopWithinMs = 4_000

const stopping = new AbortController()
for (const [name, code] of Object.entries(codes))
  process.on(name, () => {
    // A command that listens ends by itself; any other has nothing to put in order.
    if (stopping.signal.aborted || !process.argv.includes('demo')) process.exit(code)
    stopping.abort(code)
    void systemScheduler()
      .sleep(stopWithinMs)
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
