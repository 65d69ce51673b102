/** `selvedge.config.ts`: where the databases are and what must agree between them. */
import { refused } from '../base/error.ts'
import type { Invariant } from './invariant.ts'
import { checkWatch, type WatchDeclaration } from './watch-declaration.ts'

/** One database or API that is read. The role behind the URL needs SELECT and nothing else. */
export interface SourceDeclaration {
  /** `postgres://…`, `mysql://…`, or `https://…` for an API, below which the paths of its sides are. */
  readonly url: string
  /** How an API is read. */
  readonly http?: {
    /** Sent as `authorization: Bearer …`, to the host of `url` alone; take it from the environment. */
    readonly token?: string
    /** Requests a second at most; 10 by default. */
    readonly perSecond?: number
    /** How long one answer may take; 30 seconds by default. */
    readonly timeoutMs?: number
  }
  /** The schema of Selvedge's own tables there, if any; `selvedge` by default. */
  readonly schema?: string
  /** The service's name in logs and positions; the name of the source by default. */
  readonly service?: string
  /**
   * How `selvedge reconcile` writes there: a role of its own that may SELECT and write the tables to repair. The check
   * never uses it. Without it nothing is ever written there.
   */
  readonly repair?: { readonly url: string }
}

/**
 * Which database or API a source's URL leads to, without who connects; undefined for a text that is no URL. Equal texts lead to
 * the same tables: a socket's folder, or a search path, leads to others just as another host does.
 *
 * @example
 * placeOfUrl('postgres://ada:secret@db/shop') // 'postgres://db/shop'
 */
export function placeOfUrl(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined
  const { protocol, host, pathname, searchParams } = new URL(url)
  const led = ['host', 'port', 'options'].map((name) => searchParams.get(name) ?? '').join(' ')
  return `${protocol}//${host}${pathname} ${led}`.trimEnd()
}

/** A known finding that is accepted until a day, for a reason. */
export interface Baseline {
  readonly invariant: string
  /** The key as findings print it, or `*` for all keys of the incident that `incident` names. */
  readonly key: string
  /** The id of an incident; only findings of it are accepted then. */
  readonly incident?: string
  readonly reason: string
  /** Who accepted it. */
  readonly by?: string
  /** The last day it is accepted, as `2026-12-31`, in UTC. */
  readonly until: string
}

/** What a check works on. */
export interface Config {
  readonly sources: Readonly<Record<string, SourceDeclaration>>
  readonly invariants: readonly Invariant[]
  readonly baseline?: readonly Baseline[]
  /** A file with more of them, as `selvedge accept` writes it; `selvedge.baseline.json` beside the configuration by default. */
  readonly baselineFile?: string
  /** How `selvedge watch` repeats the check. */
  readonly watch?: WatchDeclaration
}

/**
 * Checks a configuration as a whole and gives it back.
 *
 * @throws refused `invariant/bad-config` for a source that is not listed, a name used twice, or a baseline entry
 *   without a reason, a day or an invariant; `invariant/bad-watch` for settings of the watch that cannot be followed.
 * @example
 * export default defineConfig({ sources: { user: { url: process.env.USER_URL } }, invariants: [ … ] })
 */
export function defineConfig(config: Config): Config {
  const names = new Set<string>()
  for (const { name, relation } of config.invariants) {
    if (names.has(name))
      throw wrong(
        `two invariants are named "${name}"`,
        'A finding is known by the name of its invariant: give each its own.',
      )
    names.add(name)
    for (const { source, rows } of relation.sides) {
      if (rows.kind === 'code') continue
      if (Object.hasOwn(config.sources, source)) {
        checkRows(name, source, rows.kind === 'http', config.sources[source]!)
        continue
      }
      const listed = Object.keys(config.sources).join(', ')
      throw wrong(
        `invariant "${name}" reads the source "${source}", but only ${listed || 'none'} is listed`,
        'List it under `sources`, or correct the name.',
      )
    }
  }
  for (const [name, source] of Object.entries(config.sources)) checkSource(name, source)
  for (const entry of config.baseline ?? []) checkBaseline(entry, names)
  if (config.watch !== undefined) checkWatch(config.watch)
  return config
}

function checkRows(invariant: string, source: string, isHttp: boolean, { url }: SourceDeclaration): void {
  if (typeof url !== 'string' || isHttp === httpUrl.test(url)) return
  if (isHttp)
    throw wrong(
      `invariant "${invariant}" reads "${source}" as an API, but its URL is none`,
      'Give the side a `table`, or the source a `url: "https://…"`.',
    )
  throw wrong(
    `invariant "${invariant}" reads a table or a query of "${source}", which is an API`,
    "Give the side `http: { path: '/…' }`.",
  )
}

const httpUrl = /^https?:\/\//

function checkSource(name: string, source: SourceDeclaration): void {
  const { perSecond = 1, timeoutMs = 1, token = 'x' } = source.http ?? {}
  if (!(perSecond > 0 && timeoutMs > 0))
    throw wrong(`the source "${name}" has a limit of no time or no request`, 'Give `http` numbers above 0.')
  if (!/^[\x21-\x7e]+$/.test(token))
    throw wrong(`the token of the source "${name}" is empty or no token`, 'Is its environment variable set?')
  if (typeof source.url === 'string' && /^(?:postgres(?:ql)?|mysql|mariadb):\/\//.test(source.url)) return
  if (typeof source.url === 'string' && httpUrl.test(source.url) && URL.canParse(source.url)) return
  // The value is not shown: a wrong setting may still hold a password.
  throw wrong(
    `the source "${name}" has no URL of a PostgreSQL, MySQL or MariaDB database, or of an API`,
    'Give `url: "postgres://…"`, `url: "mysql://…"` or `url: "https://…"`; is its environment variable set?',
  )
}

function checkBaseline(entry: Baseline, names: ReadonlySet<string>): void {
  const fault = faultOf(entry, names)
  if (fault !== undefined) throw wrong(`the baseline ${fault.what}`, fault.help)
}

/**
 * What is wrong with an entry of a baseline, wherever it is written; undefined when nothing is. `field` leads to the
 * place in a file.
 */
export function faultOf(
  entry: Baseline,
  names: ReadonlySet<string>,
): { readonly field: keyof Baseline; readonly what: string; readonly help: string } | undefined {
  if (!names.has(entry.invariant))
    return {
      field: 'invariant',
      what: `names the invariant "${entry.invariant}", which is not declared`,
      help: 'Remove the entry, or correct the name.',
    }
  if (entry.key === allKeys && entry.incident === undefined)
    return {
      field: 'key',
      what: `accepts all keys of "${entry.invariant}" without naming an incident`,
      help: 'Name the incident by its id, as `selvedge check` prints it: new causes must stay findings.',
    }
  if (entry.reason.trim() === '')
    return { field: 'reason', what: `accepts "${entry.key}" without a reason`, help: 'Say why it is accepted.' }
  if (!isDay(entry.until))
    return {
      field: 'until',
      what: `accepts "${entry.key}" until "${entry.until}"`,
      help: 'Give a day as 2026-12-31.',
    }
  return undefined
}

/** The key of a baseline entry that stands for all keys of its incident. */
export const allKeys = '*'

/** Whether the text is a day that the calendar has. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false
  const at = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text)
}

function wrong(what: string, help: string): Error {
  return refused('invariant/bad-config', `The configuration is wrong: ${what}.`, help)
}
