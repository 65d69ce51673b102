/**
 * What a watcher says over HTTP, on loopback unless another address is given: reading only, no secrets.
 *
 * `/metrics` for Prometheus, `/healthz` for whoever restarts what is ill (200 or 503), `/status.json` for programs.
 */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { refused } from '../base/error.ts'
import { expositionOf, expositionType } from './exposition.ts'
import { statusOf, troublesOf, type WatchView } from './status.ts'
import { familiesOf } from './watch-metrics.ts'

/** A server that listens. */
export interface WatchServer {
  readonly url: string
  close(): Promise<void>
}

/** Where to listen. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** @throws refused `watch/port-taken` when the address cannot be listened at. */
export async function startServer(view: () => WatchView, { host, port }: Address): Promise<WatchServer> {
  const server = createAdaptorServer({ fetch: appOf(view, { isLoopback: isLoopback(host) }).fetch }) as Server
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(taken({ host, port }, error)))
    server.listen(port, host, resolve)
  })
  const { port: given } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${given}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The application, for tests without a socket. */
export function appOf(view: () => WatchView, { isLoopback }: { readonly isLoopback: boolean }): Hono {
  const app = new Hono()
  app.use(async (context, next) => {
    const host = context.req.header('host') ?? new URL(context.req.url).host
    // A page of another site may lead its own name here (DNS rebinding): keys of findings are none of its business.
    if (isLoopback && !isLoopbackName(host)) return context.text('This address is for 127.0.0.1 only.', 403)
    await next()
    context.header('cache-control', 'no-store')
    context.header('x-content-type-options', 'nosniff')
    return undefined
  })
  app.get('/metrics', (context) =>
    context.body(expositionOf(familiesOf(view())), 200, { 'content-type': expositionType }),
  )
  app.get('/healthz', (context) => {
    const troubles = troublesOf(view())
    return context.json({ isHealthy: troubles.length === 0, troubles }, troubles.length === 0 ? 200 : 503)
  })
  app.get('/status.json', (context) => context.json(statusOf(view())))
  return app
}

function isLoopback(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|localhost|::1)$/.test(host)
}

function isLoopbackName(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?$/.test(host)
}

function taken({ host, port }: Address, cause: Error): Error {
  const message = `The watcher cannot listen at ${host}:${port}: ${cause.message}.`
  return refused(
    'watch/port-taken',
    message,
    'Give another port by --port or `watch.port`; 0 takes any that is free.',
    {
      cause,
      port,
    },
  )
}
