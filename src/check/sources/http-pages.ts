/** The items of an API, page by page: by a cursor in the page, by an address in it, or by the Link header. */
import type { HttpRows } from '../../invariant/invariant.ts'
import { decideLastPage } from './decide-last-page.ts'
import type { Answer, HttpClient } from './http-client.ts'
import { type JsonNode, JsonNumber, valueAt } from './json-node.ts'

/** More pages than this are no listing that a check should read. */
const pagesMost = 100_000

/**
 * All items, a page at a time.
 *
 * @throws refused `check/unreadable` for a page that cannot be read, an address that comes twice, too many pages, and a
 *   page that names no next one where nothing tells that it is the last (`decide-last-page.ts`).
 */
export async function* pagesOf(client: HttpClient, rows: HttpRows): AsyncGenerator<readonly JsonNode[]> {
  const first = client.address(rows.path)
  const seen = new Set<string>()
  let url: URL | undefined = first
  let isNextKnown = false
  while (url !== undefined) {
    if (seen.has(url.href))
      throw client.unreadable(first, `page ${seen.size} leads back to one that was read`, 'Its paging does not end.')
    if (seen.size >= pagesMost)
      throw client.unreadable(first, `more than ${pagesMost} pages`, 'Ask for larger pages in `path`.')
    seen.add(url.href)
    const answer: Answer = await client.get(url)
    const items = itemsOf(client, rows, first, answer)
    yield items
    url = nextOf(client, rows, url, answer)
    isNextKnown ||= url !== undefined || (rows.next !== undefined && valueAt(answer.body, rows.next) !== undefined)
    if (url !== undefined) continue
    const doubt = decideLastPage({ rows, body: answer.body, items: items.length, isNextKnown })
    if (doubt !== undefined) throw client.unreadable(first, doubt.why, doubt.help)
  }
}

function itemsOf(client: HttpClient, rows: HttpRows, url: URL, { body }: Answer): readonly JsonNode[] {
  if (body === undefined)
    throw client.unreadable(url, 'status 404', 'Correct `http.path` of the side or `url` of the source.', 404)
  const items = rows.items === undefined ? body : valueAt(body, rows.items)
  if (Array.isArray(items)) return items as readonly JsonNode[]
  const where = rows.items === undefined ? 'the body is' : `\`${rows.items}\` is`
  throw client.unreadable(url, `${where} no list`, 'Give `http.items`, the path to the list in a page.')
}

function nextOf(client: HttpClient, rows: HttpRows, url: URL, { body, next }: Answer): URL | undefined {
  if (rows.next === undefined) return next
  const cursor = valueAt(body, rows.next)
  const text = cursor instanceof JsonNumber ? cursor.text : cursor
  if (text === undefined || text === null || text === '' || text === false) return undefined
  if (typeof text !== 'string')
    throw client.unreadable(url, `\`${rows.next}\` is no cursor`, 'Give the path to a text or a number.')
  if (/^https?:\/\//.test(text)) return client.linked(url, text)
  const following = client.address(rows.path)
  following.searchParams.set(rows.cursorParam ?? 'cursor', text)
  return following
}
