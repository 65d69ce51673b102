#!/usr/bin/env node
/**
 * The command `selvedge`. A signal lets what runs come to its end in order; a second one ends the process at once.
 */
import { main } from './main.ts'

const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

const stopping = new AbortController()
for (const [name, code] of Object.entries(codes))
  process.on(name, () => {
    if (stopping.signal.aborted) process.exit(code)
    stopping.abort(code)
    // A command that listens ends by itself; any other has nothing to put in order.
    if (!process.argv.includes('demo')) process.exit(code)
  })
// A reader that went away, as `| head`, is no failure of ours.
process.stdout.on('error', () => process.exit(0))

const code = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  signal: stopping.signal,
})
process.exitCode = code
