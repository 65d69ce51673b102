/**
 * A proxy in front of a PostgreSQL server that counts flights and loses connections at a chosen moment.
 *
 * A flight is what a client sends until the server answers: BEGIN, a statement and COMMIT in one write are one flight.
 */
import { createServer, connect as dial, type Socket } from 'node:net'
import pg from 'pg'

/** A proxy under a test's control. */
export interface TcpProxy {
  /** The server's URL by way of the proxy; `edit` may change it, as to name another role. */
  url(edit?: (url: URL) => void): string
  /** Flights since the last call, of all connections. */
  flights(): number
  /** Everything clients have said since the last call, for a look at what was sent. */
  said(): string
  /** Ends all connections, and those to come when `refuse`. */
  cut(refuse?: boolean): void
  /** Lets connections through again. */
  restore(): void
  /** Ends the connection when a client says `text`: before the server hears it, or when its answer, the same in capitals, comes. */
  cutAt(text: string, when: 'before' | 'after'): void
  close(): Promise<void>
}

/** What Node's API gives a server that listens on TCP. */
interface Address {
  readonly port: number
}

/**
 * Starts a proxy in front of the server of `url`, which may listen on TCP or on a socket.
 *
 * @example
 * const proxy = await startTcpProxy(database.url)
 * const db = openDatabase(proxy.url())
 */
export async function startTcpProxy(url: string): Promise<TcpProxy> {
  const target = new pg.Client({ connectionString: url })
  const state = { flights: 0, said: '', refuses: false, trap: undefined as Trap | undefined }
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    if (state.refuses) return client.destroy()
    const path = `${target.host}/.s.PGSQL.${target.port}`
    const upstream = target.host.startsWith('/') ? dial(path) : dial(target.port, target.host)
    join(client, upstream, state)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as Address
  return {
    url: (edit) => {
      const through = new URL(`postgres://postgres@127.0.0.1:${port}/${target.database}`)
      through.username = target.user ?? 'postgres'
      through.password = target.password ?? ''
      edit?.(through)
      return through.href
    },
    flights: () => taken(state, 'flights', 0),
    said: () => taken(state, 'said', ''),
    cut: (refuse = false) => {
      state.refuses = refuse
      for (const socket of sockets) socket.destroy()
    },
    restore: () => {
      state.refuses = false
    },
    cutAt: (text, when) => {
      state.trap = { text, when }
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

interface Trap {
  readonly text: string
  readonly when: 'before' | 'after'
}

interface State {
  flights: number
  said: string
  refuses: boolean
  trap: Trap | undefined
}

function taken<K extends 'flights' | 'said'>(state: State, name: K, empty: State[K]): State[K] {
  const value = state[name]
  state[name] = empty
  return value
}

function join(client: Socket, upstream: Socket, state: State): void {
  let answered = true
  let awaited: string | undefined
  const end = () => {
    client.destroy()
    upstream.destroy()
  }
  client.on('data', (data) => {
    if (answered) state.flights += 1
    answered = false
    state.said += data.toString('latin1')
    if (state.trap && data.includes(state.trap.text)) {
      if (state.trap.when === 'before') {
        state.trap = undefined
        return end()
      }
      awaited = state.trap.text.toUpperCase()
      state.trap = undefined
    }
    upstream.write(data)
  })
  upstream.on('data', (data) => {
    answered = true
    // Ended earlier, the server might never read what it was sent.
    if (awaited === undefined) client.write(data)
    else if (data.includes(awaited)) end()
  })
  for (const socket of [client, upstream]) socket.on('error', end).on('close', end)
}
