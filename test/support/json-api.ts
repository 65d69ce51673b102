/** An API of a test's own on loopback: items in pages, by key, behind a token. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll } from 'vitest'

/** What answers instead of the API; true when it did. */
export type Instead = (request: IncomingMessage, response: ServerResponse, url: URL) => boolean

/** An API that lists items. */
export interface JsonApi {
  readonly url: string
  readonly token: string
  /** Items as JSON text by their key: no digit of them is lost on the way out. */
  readonly items: Map<string, string>
  /** Requests since the beginning, and how many were answered with 304. */
  readonly counts: { requests: number; notModified: number }
  instead: Instead | undefined
}

const pageSize = 50
const closing: (() => Promise<void>)[] = []

afterAll(async () => {
  for (const close of closing.splice(0)) await close()
})

/** Starts an API: `/v1/cursor` pages by a cursor, `/v1/link` by the Link header, `/v1/items/<key>` is one item. */
export async function jsonApi(): Promise<JsonApi> {
  const token = 'hunter2-token'
  const items = new Map<string, string>()
  const counts = { requests: 0, notModified: 0 }
  const server = createServer((request, response) => {
    counts.requests += 1
    const url = new URL(request.url ?? '', 'http://localhost')
    if (api.instead?.(request, response, url) === true) return
    if (request.headers.authorization !== `Bearer ${token}`) response.writeHead(401).end('{}')
    else answer(api, request, response, url)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const api: JsonApi = {
    ...{ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, token, items, counts },
    instead: undefined,
  }
  return api
}

function answer({ items, counts }: JsonApi, request: IncomingMessage, response: ServerResponse, url: URL): void {
  const [, , place = '', key] = url.pathname.split('/')
  if (key !== undefined) {
    const item = items.get(decodeURIComponent(key))
    response.writeHead(item === undefined ? 404 : 200).end(item ?? '{}')
    return
  }
  const from = Number(url.searchParams.get('cursor') ?? 0)
  const page = [...items.values()].slice(from, from + pageSize).join(',')
  const next = from + pageSize < items.size ? from + pageSize : undefined
  const etag = `"${page.length}-${Buffer.from(page).reduce((sum, byte, i) => (sum + byte * (i + 1)) % 1_000_003, 0)}"`
  if (request.headers['if-none-match'] === etag) {
    counts.notModified += 1
    response.writeHead(304).end()
    return
  }
  response.setHeader('etag', etag)
  if (place === 'cursor') response.end(`{"data":[${page}],"meta":{"next":${next ?? null}}}`)
  else {
    if (next !== undefined) response.setHeader('link', `</v1/link>; rel="first", </v1/link?cursor=${next}>; rel="next"`)
    response.end(`[${page}]`)
  }
}
