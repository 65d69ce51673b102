/**
 * Asks who listens at an address where the server of a URL did not answer. A URL of the wrong kind, or a port of another
 * server, waits in silence otherwise: a server of MySQL speaks first, one of PostgreSQL waits to be spoken to.
 *
 * It is asked only after a connection failed, or got no answer for long: a server counts connections that say nothing, and may shut its door.
 */
import { connect } from 'node:net'

/** Who it is, as far as it can be told from its first bytes. */
export type Listener = 'PostgreSQL' | 'MySQL or MariaDB'

/** A server of MySQL greets within a round trip; the question after it waits as long again. */
const silenceMsMax = 1_000
/** PostgreSQL's question for encryption, which it answers with one letter and which means nothing else. */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/** Never rejects; undefined where nobody listens, or somebody else. */
export function listenerAt({
  host,
  port,
}: {
  readonly host: string
  readonly port: number
}): Promise<Listener | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    let isAsked = false
    const end = (listener: Listener | undefined) => {
      socket.destroy()
      resolve(listener)
    }
    socket.setTimeout(silenceMsMax)
    socket.once('error', () => end(undefined))
    socket.once('close', () => end(undefined))
    socket.once('data', (bytes) => end(isAsked ? listenerAsked(bytes) : listenerGreeting(bytes)))
    socket.on('timeout', () => {
      if (isAsked || socket.connecting) return end(undefined)
      isAsked = true
      socket.write(sslRequest)
    })
  })
}

/** The first packet of MySQL: three bytes of length, the number 0, then its protocol's version or an error. */
function listenerGreeting(bytes: Buffer): Listener | undefined {
  return bytes[3] === 0 && (bytes[4] === 10 || bytes[4] === 255) ? 'MySQL or MariaDB' : undefined
}

function listenerAsked(bytes: Buffer): Listener | undefined {
  return bytes.length === 1 && (bytes[0] === 83 || bytes[0] === 78) ? 'PostgreSQL' : undefined
}
