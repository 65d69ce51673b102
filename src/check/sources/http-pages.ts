/** The items of an API, page by page: by a cursor in the page, by an address in it, or by the Link header. */
import type { HttpRows } from '../../invariant/invariant.ts'
import { decideLastPage } from './decide-last-page.ts'
import type { Answer, HttpClient } from './http-client.ts'
import { JsonList, type JsonNode, JsonNumber, valueAt } from './json-node.ts'

/** More pages than this are no listing that a check should read. */
const pagesMost = 100_000

/** What is taken of a page. */
interface Page<T> {
  readonly items: readonly T[]
  readonly next: URL | undefined
  readonly isNextKnown: boolean
  readonly failed?: unknown
}

/**
 * What `take` makes of all items, a page at a time; no page is held for longer than that takes.
 *
 * @throws refused `check/unreadable` for a page that cannot be read, an address that comes twice, too many pages, and a
 *   page that names no next one where nothing tells that it is the last (`decide-last-page.ts`).
 */
export async function* pagesOf<T>(
  client: HttpClient,
  rows: HttpRows,
  take: (item: JsonNode) => T,
): AsyncGenerator<readonly T[]> {
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
    const at: URL = url
    const wasNextKnown = isNextKnown
    const page: Page<T> = await client.get(at, (answer) => {
      const items = itemsOf(client, rows, first, answer, take)
      try {
        return { items, ...followed(client, rows, { at, first, answer, items: items.length, wasNextKnown }) }
      } catch (error) {
        // Whoever finds what it looks for on this page does not go on.
        return { items, next: undefined, isNextKnown: wasNextKnown, failed: error }
      }
    })
    yield page.items
    if ('failed' in page) throw page.failed
    url = page.next
    isNextKnown = page.isNextKnown
  }
}

interface Passed {
  readonly at: URL
  readonly first: URL
  readonly answer: Answer
  readonly items: number
  readonly wasNextKnown: boolean
}

function followed(client: HttpClient, rows: HttpRows, passed: Passed): Pick<Page<never>, 'next' | 'isNextKnown'> {
  const { body } = passed.answer
  const next = nextOf(client, rows, passed.at, passed.answer)
  const isNamed = next !== undefined || (rows.next !== undefined && valueAt(body, rows.next) !== undefined)
  const isNextKnown = passed.wasNextKnown || isNamed
  const doubt = next === undefined ? decideLastPage({ rows, body, items: passed.items, isNextKnown }) : undefined
  if (doubt !== undefined) throw client.unreadable(passed.first, doubt.why, doubt.help)
  return { next, isNextKnown }
}

function itemsOf<T>(
  client: HttpClient,
  rows: HttpRows,
  url: URL,
  { body }: Answer,
  take: (item: JsonNode) => T,
): readonly T[] {
  if (body === undefined)
    throw client.unreadable(url, 'status 404', 'Correct `http.path` of the side or `url` of the source.', 404)
  const items = rows.items === undefined ? body : valueAt(body, rows.items)
  if (items instanceof JsonList) return Array.from(items.items(), take)
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
