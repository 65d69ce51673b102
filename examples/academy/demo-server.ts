/**
 * Serves the demo's page on loopback: one page, three buttons.
 *
 * A page of another site cannot use it: requests under a foreign host name are refused (DNS rebinding), and the buttons carry
 * a token that only this page knows (CSRF). Nothing here is read-protected: what it shows, it made up.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import type { Demo, Fault } from './demo.ts'
import { contentOf, type PageOptions, pageOf } from './demo-page.ts'

/** A page that is served. */
export interface Page {
  readonly url: string
  close(): Promise<void>
}

const faults: readonly string[] = ['lose', 'stop', 'write-behind'] satisfies Fault[]

/**
 * Serves the page on 127.0.0.1.
 *
 * @throws Error `EADDRINUSE` when the port was given and is taken.
 */
export async function startPage(
  demo: Demo,
  options: Omit<PageOptions, 'token' | 'nonce'> & { readonly port?: number | undefined },
): Promise<Page> {
  const token = randomBytes(16).toString('hex')
  const server = createAdaptorServer({ fetch: appOf(demo, { ...options, token }).fetch }) as Server
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The page as a web application, for tests without a socket. */
export function appOf(demo: Demo, options: Omit<PageOptions, 'nonce'>): Hono {
  const app = new Hono()
  app.use(async (context, next) => {
    if (!isLoopback(context.req.header('host') ?? new URL(context.req.url).host))
      return context.text('This page answers on 127.0.0.1 only.', 403)
    await next()
    context.header('x-content-type-options', 'nosniff')
    context.header('referrer-policy', 'no-referrer')
    context.header('cache-control', 'no-store')
    return undefined
  })
  app.get('/', (context) => {
    const nonce = randomBytes(16).toString('base64')
    const policy = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`
    context.header('content-security-policy', policy)
    return context.html(pageOf(demo.state(), { ...options, nonce }))
  })
  app.get('/now', (context) => context.html(contentOf(demo.state(), { ...options, nonce: '' })))
  app.get('/state.json', (context) => context.json(demo.state()))
  app.post('/fault/:name', async (context) => {
    const body = await context.req.parseBody()
    const name = context.req.param('name')
    if (!isSame(String(body.token ?? ''), options.token)) return context.text('This button is of another page.', 403)
    if (!faults.includes(name)) return context.text('There is no such fault.', 404)
    await demo.cause(name as Fault)
    return context.redirect('/', 303)
  })
  return app
}

function isLoopback(host: string): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host)
}

function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}
