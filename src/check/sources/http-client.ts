/**
 * Requests to one API: GET and nothing else, at most so many a second, with a bound on time and size, tried again where the
 * server asks for it or is gone for a moment. The token goes to the declared host alone, and into no message.
 */
import { systemClock } from '../../base/clock.ts'
import { isSelvedgeError, refused, transient } from '../../base/error.ts'
import { retry } from '../../base/retry.ts'
import { systemScheduler } from '../../base/scheduler.ts'
import type { SourceDeclaration } from '../../invariant/invariant.ts'
import { BodyText } from './body-text.ts'
import { type JsonNode, parseJson } from './json-node.ts'

/** What an API answered. */
export interface Answer {
  /** Undefined where there is nothing under that address (404, 410). */
  readonly body: JsonNode | undefined
  /** Where the Link header's `rel="next"` leads. */
  readonly next: URL | undefined
}

/** Requests a second where the declaration says nothing: gentle on an API that serves others. */
const perSecondDefault = 10
const timeoutMsDefault = 30_000
/** A page beyond this is no page. */
const bodyBytesMax = 32 * 1024 * 1024
/** Bodies kept for answers that say "not modified". */
const keptCharactersMax = 8 * 1024 * 1024
/** Beyond this one body is read after the other. */
const bodyBytesLarge = 1024 * 1024
/** The first try included. */
const attempts = 5
/** A server that wants a longer pause is not to be checked now. */
const pauseMsMax = 60_000
const redirectsMax = 3

interface Kept {
  readonly etag: string
  readonly text: string
  readonly link: string | null
}

/** Reads one API. */
export class HttpClient {
  readonly base: URL
  readonly #source: string
  readonly #declared: NonNullable<SourceDeclaration['http']>
  readonly #headers: Readonly<Record<string, string>>
  readonly #scheduler = systemScheduler()
  readonly #kept = new Map<string, Kept>()
  #keptCharacters = 0
  #hasLargeBodies = false
  /** Used again by the next request: the collector is slow to free what is outside of its heap. */
  #spare: BodyText | undefined
  /** When the next request may start. */
  #freeMs = 0

  constructor(source: string, { url, http = {} }: SourceDeclaration) {
    this.#source = source
    this.#declared = http
    this.base = new URL(url)
    const { username, password } = this.base
    this.base.username = ''
    this.base.password = ''
    const basic = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    const authorization =
      http.token !== undefined
        ? `Bearer ${http.token}`
        : basic !== ':'
          ? `Basic ${Buffer.from(basic).toString('base64')}`
          : undefined
    this.#headers = { accept: 'application/json', ...(authorization === undefined ? {} : { authorization }) }
  }

  /** The address of a declared path: below the source's URL, with the parameters of both. */
  address(path: string): URL {
    const [place = '', query = ''] = path.split('?', 2)
    const url = new URL(this.base)
    url.pathname = `${this.base.pathname.replace(/\/$/, '')}/${place.replace(/^\//, '')}`
    for (const [name, value] of new URLSearchParams(query)) url.searchParams.set(name, value)
    return url
  }

  /** Whether bodies were so large that two of them should not be held at a time. */
  get hasLargeBodies(): boolean {
    return this.#hasLargeBodies
  }

  /**
   * What `read` takes from an answer; the rest of it is let go at once, for it may be tens of megabytes.
   *
   * @throws refused `check/unreadable` when there is no answer, or none that can be read.
   */
  async get<T>(url: URL, read: (answer: Answer) => T): Promise<T> {
    try {
      return await retry(() => this.#once(url, read), {
        attempts,
        baseMs: 100,
        maxMs: 2_000,
        scheduler: this.#scheduler,
        retriable: (error) => isSelvedgeError(error) && error.kind === 'transient',
      })
    } catch (error) {
      if (isSelvedgeError(error) && error.kind === 'transient')
        throw this.unreadable(url, `${error.values.why}, ${attempts} times`, error.help, error.values.status)
      throw error
    }
  }

  /** The error for what cannot be read; only the path of the address is named, its parameters may hold secrets. */
  unreadable(url: URL, why: string, help: string, status?: unknown): Error {
    const values = { source: this.#source, ...(status === undefined ? {} : { status, reason: String(status) }) }
    return refused('check/unreadable', `source "${this.#source}": GET ${url.pathname}: ${why}`, help, values)
  }

  async close(): Promise<void> {
    this.#kept.clear()
    await this.#scheduler.stop()
  }

  async #once<T>(url: URL, read: (answer: Answer) => T): Promise<T> {
    const kept = this.#kept.get(url.href)
    let at = url
    for (let hops = 0; ; hops += 1) {
      await this.#turn()
      const { response, text } = await this.#fetch(at, kept?.etag)
      const { status } = response
      if (status === 304 && kept !== undefined) return read(this.#answer(url, kept.text, kept.link))
      const location = response.headers.get('location')
      if (status >= 300 && status < 400 && location !== null) {
        at = this.#sameHost(at, location, 'redirects')
        if (hops < redirectsMax) continue
        throw this.unreadable(url, 'redirects too often', 'Declare the address that answers.', status)
      }
      if (status === 404 || status === 410) return read({ body: undefined, next: undefined })
      if (!response.ok) throw this.#failure(url, response)
      const link = response.headers.get('link')
      this.#keep(url, { etag: response.headers.get('etag') ?? '', text, link })
      return read(this.#answer(url, text, link))
    }
  }

  /** Waits until one more request may be made. */
  async #turn(): Promise<void> {
    const nowMs = systemClock.monotonicMs()
    const turnMs = Math.max(nowMs, this.#freeMs)
    this.#freeMs = turnMs + 1_000 / (this.#declared.perSecond ?? perSecondDefault)
    if (turnMs > nowMs) await this.#scheduler.sleep(turnMs - nowMs)
  }

  async #fetch(url: URL, etag: string | undefined): Promise<{ response: Response; text: string }> {
    const timeoutMs = this.#declared.timeoutMs ?? timeoutMsDefault
    try {
      const headers = etag === undefined ? this.#headers : { ...this.#headers, 'if-none-match': etag }
      const signal = AbortSignal.timeout(timeoutMs)
      const response = await fetch(url, { headers, redirect: 'manual', signal })
      return { response, text: await this.#textOf(url, response) }
    } catch (error) {
      if (isSelvedgeError(error)) throw error
      // The driver's own text names the address with its parameters.
      const { name, cause } = error as { name?: string; cause?: { code?: unknown } }
      const why =
        name === 'TimeoutError' ? `no answer within ${timeoutMs} ms` : `no answer (${cause?.code ?? name ?? 'unknown'})`
      throw transient('check/no-answer', why, 'Is the API up, and can it be reached from here?', { why })
    }
  }

  async #textOf(url: URL, response: Response): Promise<string> {
    if (response.body === null) return ''
    const body = this.#spare ?? new BodyText()
    this.#spare = undefined
    for await (const part of response.body) {
      if (body.bytes + part.byteLength > bodyBytesMax)
        throw this.unreadable(url, `the answer exceeds ${bodyBytesMax} bytes`, 'Ask for smaller pages in `path`.')
      body.add(part)
    }
    this.#hasLargeBodies ||= body.bytes > bodyBytesLarge
    // The last page, and what this one came in, are outside of the collector's heap, where it sees little to do.
    if (body.bytes > bodyBytesLarge) globalThis.gc?.()
    const text = body.take()
    this.#spare = body
    if (text === undefined)
      throw this.unreadable(url, 'the answer is not in UTF-8', 'JSON is in UTF-8: correct what the API sends.')
    return text
  }

  #failure(url: URL, response: Response): Error {
    const { status } = response
    if (status === 429 || (status >= 502 && status <= 504)) {
      const pauseMs = pauseMsOf(response.headers.get('retry-after'))
      if (pauseMs > pauseMsMax)
        return this.unreadable(url, `status ${status}, to be asked again in ${pauseMs} ms`, 'Check later.', status)
      // All requests wait, not this one alone.
      this.#freeMs = Math.max(this.#freeMs, systemClock.monotonicMs() + pauseMs)
      const why = `status ${status}`
      return transient('check/no-answer', why, 'Lower `http.perSecond` of the source, or check later.', { why, status })
    }
    const isRight = status === 401 || status === 403
    const help = isRight
      ? 'Give `http.token` of the source a token that may read this; is its environment variable set?'
      : 'Correct the path, or look into the log of the API.'
    return this.unreadable(url, `status ${status}`, help, status)
  }

  /** The address to go on with; another host must not see the token. */
  #sameHost(from: URL, to: string, verb: string): URL {
    const url = URL.canParse(to, from.href) ? new URL(to, from.href) : undefined
    if (url?.origin === this.base.origin) return url
    const where = url === undefined ? 'an address that cannot be read' : url.origin
    throw this.unreadable(from, `${verb} to ${where}, which is not followed`, 'Declare that host as the source.')
  }

  /** An address that a page names. */
  linked(from: URL, to: string): URL {
    return this.#sameHost(from, to, 'leads on')
  }

  #answer(url: URL, text: string, link: string | null): Answer {
    const next = nextOf(link)
    let body: JsonNode
    try {
      body = parseJson(text)
    } catch {
      throw this.unreadable(url, 'the answer is no JSON', 'Correct the path: checks read JSON.')
    }
    return { body, next: next === undefined ? undefined : this.linked(url, next) }
  }

  #keep(url: URL, kept: Kept): void {
    if (kept.etag === '') return
    this.#keptCharacters += kept.text.length - (this.#kept.get(url.href)?.text.length ?? 0)
    this.#kept.set(url.href, kept)
    for (const [href, { text }] of this.#kept) {
      if (this.#keptCharacters <= keptCharactersMax) return
      this.#kept.delete(href)
      this.#keptCharacters -= text.length
    }
  }
}

/** The pause of a Retry-After header: seconds or a day and time. */
function pauseMsOf(header: string | null): number {
  if (header === null) return 0
  if (/^\d+$/.test(header)) return Number(header) * 1_000
  const at = Date.parse(header)
  return Number.isNaN(at) ? 0 : Math.max(0, at - systemClock.now().getTime())
}

/** The target of `rel="next"`. */
function nextOf(link: string | null): string | undefined {
  for (const [, target, parameters = ''] of (link ?? '').matchAll(/<([^>]*)>([^<]*)/g))
    if (/;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)/i.test(parameters)) return target
  return undefined
}
