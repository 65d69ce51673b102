/**
 * Whether the page that names no next one is the last. A path that is misspelled, or left out, ends a listing after its
 * first page as quietly as the true end does; taken for the end, it would make findings of all other rows, or hide them.
 *
 *     `next` was there on some page of this pass, if only as null --> the API says so: it is the last
 *     no items at all ---------------------------------------------> it is the last
 *     the page itself speaks of another one -----------------------> not known
 *     fewer items than the declared size of a page ----------------> it is the last
 *     `next` declared and on no page ------------------------------> nothing proves the path: not known
 *     as many items as the path asks for --------------------------> not known
 *     else --------------------------------------------------------> an API without pages: it is the last
 *
 * Fewer items than the path asks for prove nothing: servers send fewer than they are asked for.
 */
import type { HttpRows } from '../../invariant/invariant.ts'
import { isObject, type JsonNode, JsonNumber } from './json-node.ts'

/** What is known once a page names no next one. */
export interface PassedPages {
  readonly rows: HttpRows
  /** The body of the page. */
  readonly body: JsonNode | undefined
  /** Its items. */
  readonly items: number
  /** Whether `next`, or the Link header's, was there on any page of this pass. */
  readonly isNextKnown: boolean
}

/** Why it is not known whether this is the last page, and what to do; undefined where it is. */
export function decideLastPage(passed: PassedPages): { readonly why: string; readonly help: string } | undefined {
  const { rows, body, items, isNextKnown } = passed
  if (isNextKnown || items === 0) return undefined
  const spoken = isObject(body) ? nextNamedBy(body) : undefined
  if (spoken === undefined && rows.pageSize !== undefined && items < rows.pageSize) return undefined
  if (rows.next !== undefined)
    return {
      why: `no page has \`${rows.next}\`, so nothing tells whether these ${items} items are all${spoken === undefined ? '' : `; the page has \`${spoken}\``}`,
      help: 'Correct `http.next` of the side. If the API leaves it out on its only page, say by `http.pageSize` how many items a full page has.',
    }
  const help =
    'Give `http.next`, the path to the cursor or the address of the next page, or ask for larger pages in `path`.'
  if (spoken !== undefined) return { why: `the page has \`${spoken}\`, which is not followed`, help }
  const full = rows.pageSize ?? sizeAskedBy(rows.path)
  if (full === undefined || items < full) return undefined
  return { why: `${items} items are a full page, and nothing tells whether there are more`, help }
}

/** Parameters by which APIs commonly take the size of a page. */
const sizeNames = /^\$?(?:limit|per_?page|page_?size|size|first|top|take|max_?results)$/i

function sizeAskedBy(path: string): number | undefined {
  const [, query = ''] = path.split('?', 2)
  const asked = [...new URLSearchParams(query)].find(([name]) => sizeNames.test(name))?.[1] ?? ''
  return /^[1-9]\d{0,8}$/.test(asked) ? Number(asked) : undefined
}

/** Names of members that lead to another page, or say that there is one. */
const nextNames =
  /^(?:next|next_?(?:page|cursor|token|url|link|page_?token|page_?url|href|offset)|has_?more|has_?next(?:_?page)?)$/i
/** Envelopes are shallow: `meta.page.next`. */
const depthMost = 3

/** The path of such a member that is neither empty nor false; lists, the items among them, are not looked into. */
function nextNamedBy(node: JsonNode, depth = 0): string | undefined {
  if (!isObject(node) || depth === depthMost) return undefined
  for (const [name, value] of node.members) {
    if (nextNames.test(name) && isSaying(value)) return name
    const below = nextNamedBy(value, depth + 1)
    if (below !== undefined) return `${name}.${below}`
  }
  return undefined
}

function isSaying(value: JsonNode): boolean {
  if (isObject(value)) return [...value.members.values()].some(isSaying)
  return value === true || (typeof value === 'string' && value !== '') || value instanceof JsonNumber
}
