/** What Linux will do about connections that are silent. */
import { readFileSync } from 'node:fs'

/** As `/proc/net/tcp` writes them: a connection that stands, and the timer that asks its peer whether it is there. */
const established = '01'
const keepAliveTimer = '02'
const ticksPerSecond = 100

/** In how many seconds each connection to this port asks whether its peer is there; undefined: never. */
export function askedInSeconds(port: number): readonly (number | undefined)[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n')
  return lines.flatMap((line) => {
    const [, , remote, state, , timer = ''] = line.trim().split(/\s+/)
    if (state !== established || remote?.endsWith(wanted) !== true) return []
    const [kind, ticks = '0'] = timer.split(':')
    return [kind === keepAliveTimer ? Number.parseInt(ticks, 16) / ticksPerSecond : undefined]
  })
}
