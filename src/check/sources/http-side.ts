/** A side of an invariant in an API: described, bound to forms, and read. */
import { type ColumnType, type Form, rowText } from '../../digest/digest.ts'
import { type Expression, expressionText, type HttpRows, type Side, sideName } from '../../invariant/invariant.ts'
import { heldOf, type StampedRow } from '../images.ts'
import { briefed, streamedReader } from '../streamed.ts'
import type { HttpClient } from './http-client.ts'
import { pagesOf } from './http-pages.ts'
import { isObject, type JsonNode, nodeText, readable, valueAt } from './json-node.ts'
import type { Described, Forms, Held, Keys, RowsAsked, SideReader, Source, ValuedRow } from './source.ts'

/** What an API does not say; enough buckets for what can be read from one within a check. */
const rowsUnknown = 10_000
/** Up to so many keys are asked for one by one, however few pages there are. */
const keysByOneLeast = 20
/** Questions that are on their way at once; how many start in a second is the client's to say. */
const questionsAtOnce = 4
/** Items of the first page by which `one` is tried. */
const itemsTried = 3

const textForm: Form = { kind: 'text' }
const anyType: ColumnType = { kind: 'any', name: 'JSON' }

/** Reads the first page, which proves that the side can be read, and that `one` finds what the page lists. */
export async function describeHttp(
  source: Source,
  client: HttpClient,
  side: Side,
  columns?: readonly Expression[],
): Promise<Described> {
  const rows = httpRows(side)
  const columnNames = columns === undefined ? Object.keys(side.columns).sort() : columns.map(expressionText)
  const paths =
    columns === undefined ? columnNames.map((name) => expressionText(side.columns[name] ?? name)) : columnNames
  const reads = new Reads(client, rows, side.key.map(expressionText), paths)
  const rowsAbout = await reads.prove()
  const described: Described = {
    name: sideName(side),
    source,
    side,
    key: side.key.map(() => anyType),
    columns: paths.map(() => anyType),
    columnNames,
    rowsAbout,
    recordProbe: async () => undefined,
    bind: (forms) => bound(described, reads, forms),
  }
  return described
}

/** The items with one key, as they are. */
export async function peekHttp(
  client: HttpClient,
  side: Side,
  key: readonly string[],
  most: number,
): Promise<Record<string, unknown>[]> {
  const reads = new Reads(client, httpRows(side), side.key.map(expressionText), [])
  const wanted = rowText(key)
  const found: Record<string, unknown>[] = []
  const take = (item: JsonNode | undefined): void => {
    if (!isObject(item) || rowText(reads.keyOf(item)) !== wanted || found.length >= most) return
    found.push(Object.fromEntries([...item].map(([name, node]) => [name, readable(node)])))
  }
  if (reads.canAskOne) take(await reads.one(key))
  if (found.length > 0) return found
  for await (const page of reads.pages()) {
    page.forEach(take)
    if (found.length >= most) break
  }
  return found
}

function httpRows(side: Side): HttpRows {
  // The configuration refuses any other side of such a source.
  return side.rows.kind === 'http' ? side.rows.http : { path: '' }
}

function bound(described: Described, plain: Reads, forms: Forms): SideReader {
  const reads = plain.in(forms)
  return {
    ...streamedReader(described, forms, () => reads.stream()),
    rows: (keys, how) => reads.rows(keys, how),
    missing: (keys) => reads.missing(keys),
  }
}

/** The reads of one side. */
class Reads {
  readonly #client: HttpClient
  readonly #rows: HttpRows
  readonly #key: readonly string[]
  readonly #columns: readonly string[]
  readonly #forms: Forms | undefined
  /** How many pages the last whole pass had. */
  #pages = 0

  constructor(client: HttpClient, rows: HttpRows, key: readonly string[], columns: readonly string[], forms?: Forms) {
    this.#client = client
    this.#rows = rows
    this.#key = key
    this.#columns = columns
    this.#forms = forms
  }

  in(forms: Forms): Reads {
    return new Reads(this.#client, this.#rows, this.#key, this.#columns, forms)
  }

  get canAskOne(): boolean {
    return this.#rows.one !== undefined
  }

  /** About how many rows there are, once it is known that they can be read. */
  async prove(): Promise<number> {
    const pages = this.pages()
    const { value: first = [] } = await pages.next()
    const { done = false } = await this.#peekEnd(first, pages)
    return done ? first.length : Math.max(rowsUnknown, first.length)
  }

  async #peekEnd(
    items: readonly JsonNode[],
    pages: AsyncGenerator<readonly JsonNode[]>,
  ): Promise<{ readonly done?: boolean }> {
    const keys = items.slice(0, itemsTried).map((item) => this.keyOf(item))
    const url = this.#client.address(this.#rows.path)
    if (keys.length > 0 && keys.every((key) => key.includes(null)))
      throw this.#client.unreadable(url, `items have no \`${this.#key.join('`, `')}\``, 'Correct `key` of the side.')
    if (this.canAskOne && keys.length > 0) {
      const found = await Promise.all(keys.map((key) => (key.includes(null) ? undefined : this.one(key as string[]))))
      if (found.every((item) => item === undefined))
        throw this.#client.unreadable(
          this.#client.address(this.#rows.one ?? ''),
          'not one of the items that the first page lists is there',
          'Correct `http.one` of the side, or leave it out.',
        )
    }
    return pages.next()
  }

  async *pages(): AsyncGenerator<readonly JsonNode[]> {
    let pages = 0
    for await (const page of pagesOf(this.#client, this.#rows)) {
      pages += 1
      yield page
    }
    this.#pages = pages
  }

  /** The item of a key; undefined where there is none. */
  async one(key: readonly string[]): Promise<JsonNode | undefined> {
    const filled = (this.#rows.one ?? '').replace(/\{([^{}]+)\}/g, (_, name: string) =>
      encodeURIComponent(key[name === 'key' && key.length === 1 ? 0 : this.#key.indexOf(name)] ?? ''),
    )
    const url = this.#client.address(filled)
    const { body } = await this.#client.get(url)
    if (body === undefined) return undefined
    const item = this.#rows.item === undefined ? body : valueAt(body, this.#rows.item)
    // Taken for absent, a wrong path would turn every row into a finding.
    if (!isObject(item) || this.keyOf(item).includes(null))
      throw this.#client.unreadable(url, 'the answer is no item with a key', 'Give `http.item`, the path to it.')
    return item
  }

  keyOf(item: JsonNode): (string | null)[] {
    return this.#key.map((path, i) => nodeText(this.#forms?.key[i] ?? textForm, valueAt(item, path)))
  }

  #valuesOf(item: JsonNode): (string | null)[] {
    return this.#columns.map((path, i) => nodeText(this.#forms?.columns[i] ?? textForm, valueAt(item, path)))
  }

  async *stream(): AsyncGenerator<ValuedRow[]> {
    for await (const page of this.pages())
      yield page.map((item) => ({ key: this.keyOf(item), values: this.#valuesOf(item) }))
  }

  async rows(keys: Keys, { isBrief = false }: RowsAsked = {}): Promise<ReadonlyMap<string, Held>> {
    const found: StampedRow[] = []
    for await (const item of this.#byKey(keys)) {
      const whole = this.#valuesOf(item)
      const values = isBrief && this.#forms !== undefined ? briefed(whole, this.#forms) : whole
      const stamp = this.#rows.version === undefined ? null : nodeText(textForm, valueAt(item, this.#rows.version))
      found.push({ key: this.keyOf(item), values, stamp: stamp ?? '' })
    }
    return heldOf(found)
  }

  async missing(keys: Keys): Promise<ReadonlySet<string>> {
    const gone = new Set(keys.map(rowText))
    for await (const item of this.#byKey(keys)) gone.delete(rowText(this.keyOf(item)))
    return gone
  }

  /** Items with one of the keys: asked for one by one where that takes fewer requests than all pages. */
  async *#byKey(keys: Keys): AsyncGenerator<JsonNode> {
    if (keys.length === 0) return
    const asked = new Set(keys.map(rowText))
    const isAsked = (item: JsonNode | undefined): item is JsonNode =>
      item !== undefined && asked.has(rowText(this.keyOf(item)))
    if (!this.canAskOne || keys.length > Math.max(keysByOneLeast, this.#pages)) {
      for await (const page of this.pages()) yield* page.filter(isAsked)
      return
    }
    for (let at = 0; at < keys.length; at += questionsAtOnce) {
      const items = await Promise.all(keys.slice(at, at + questionsAtOnce).map((key) => this.one(key)))
      yield* items.filter(isAsked)
    }
  }
}
