/** The settings of a watcher with their defaults, ready to be followed. */

import { type Duration, minutes } from '../base/duration.ts'
import { refused } from '../base/error.ts'
import type { Config, Invariant, TextOrVariable, WatchDeclaration, WebhookOccasion } from '../invariant/invariant.ts'
import { isHttp } from '../invariant/watch-declaration.ts'
import { type Occurrences, readSchedule } from './schedule.ts'

/** Invariants that share a schedule. */
export interface LaneSetting {
  readonly occurrences: Occurrences
  readonly invariants: readonly string[]
}

/** Where and how news is sent. Neither text is ever printed. */
export interface WebhookSetting {
  readonly url: string
  readonly secret: string | undefined
  readonly on: WebhookOccasion
}

/** What a watcher follows. */
export interface WatchSetting {
  readonly lanes: readonly LaneSetting[]
  readonly historyPath: string
  readonly keepDays: number
  readonly webhook: WebhookSetting | undefined
  readonly host: string
  readonly port: number
  readonly silentAfterMs: number | undefined
  /** Within what time everything is verified again; undefined when each run checks everything. */
  readonly wholeWithin: Duration | undefined
}

/** Five minutes: often enough that a person hears of it before users do, rare enough for a database in production. */
export const watchDefault: WatchDeclaration = { every: minutes(5) }

/** In the range that exporters of Prometheus use. */
const portDefault = 9469

/**
 * Fills in what the configuration leaves out.
 *
 * @throws refused `watch/bad-schedule`, and `watch/no-variable` for an environment variable that is not set.
 */
export function settingOf(config: Config, environment: Readonly<Record<string, string | undefined>>): WatchSetting {
  const declared = config.watch ?? watchDefault
  const { history, webhook, host, port, silentAfter } = declared
  return {
    lanes: lanesOf(config.invariants, declared),
    historyPath: history?.path ?? '.selvedge/history',
    keepDays: history?.keepDays ?? 90,
    webhook: webhook && {
      url: urlOf(webhook.url, environment),
      secret: webhook.secret && textOf('secret', webhook.secret, environment),
      on: webhook.on ?? 'change',
    },
    host: host ?? '127.0.0.1',
    port: port ?? portDefault,
    silentAfterMs: silentAfter?.milliseconds,
    wholeWithin: declared.wholeWithin,
  }
}

function lanesOf(invariants: readonly Invariant[], declared: WatchDeclaration): readonly LaneSetting[] {
  const lanes = new Map<string, { occurrences: Occurrences; invariants: string[] }>()
  for (const { name, schedule } of invariants) {
    const occurrences = readSchedule(schedule ?? declared.every, declared.timezone)
    const lane = lanes.get(occurrences.text) ?? { occurrences, invariants: [] }
    lanes.set(occurrences.text, lane)
    lane.invariants.push(name)
  }
  return [...lanes.values()]
}

function urlOf(url: TextOrVariable, environment: Readonly<Record<string, string | undefined>>): string {
  const text = textOf('url', url, environment)
  if (isHttp(text)) return text
  const what = 'The URL of the webhook is no address of http or https.'
  throw refused('watch/bad-webhook', what, 'Give it whole, as https://…; it is not shown here, as it may be a secret.')
}

function textOf(name: string, text: TextOrVariable, environment: Readonly<Record<string, string | undefined>>): string {
  if (typeof text === 'string') return text
  const value = environment[text.env]
  if (value !== undefined && value !== '') return value
  const message = `The environment variable ${text.env}, which holds the webhook's ${name}, is not set.`
  throw refused('watch/no-variable', message, 'Set it for this process, or take `watch.webhook` out.', {
    name: text.env,
  })
}
