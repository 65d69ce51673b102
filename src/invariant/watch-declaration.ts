/** How `selvedge watch` repeats the check: declared beside the invariants, as data. Running it is `watch`'s. */
import type { Duration } from '../base/duration.ts'
import { refused } from '../base/error.ts'

/** When to check: every so often, or by a cron pattern of five parts (six with seconds), as `0 * * * *`. */
export type Schedule = string | Duration

/** A text, or the name of the environment variable that holds it; where it holds a secret, prefer the variable. */
export type TextOrVariable = string | { readonly env: string }

/** Which runs are told: `new` findings only, every `change` (also what was resolved), or `all` runs. */
export type WebhookOccasion = 'new' | 'change' | 'all'

/** Where changes are told. */
export interface WebhookDeclaration {
  /** Of http or https. Many such URLs are secrets: only its host is ever printed. */
  readonly url: TextOrVariable
  /** The key of the signature in the header `selvedge-signature`. Without it messages are not signed. */
  readonly secret?: TextOrVariable
  /** Default `change`. */
  readonly on?: WebhookOccasion
}

/** The settings of `selvedge watch`. */
export interface WatchDeclaration {
  /** For every invariant that names no schedule of its own by `.every(…)`. */
  readonly every: Schedule
  /**
   * Each run then looks only at what was touched since the last one, what was found before, and a part of the rest, so
   * that everything is verified again within this time. Without it each run checks everything.
   */
  readonly wholeWithin?: Duration
  /** The time zone of cron patterns, as `Europe/Madrid`. By default that of the machine. */
  readonly timezone?: string
  /** Where runs are kept, and for how many days. By default `.selvedge/history`, 90 days. */
  readonly history?: { readonly path?: string; readonly keepDays?: number }
  readonly webhook?: WebhookDeclaration
  /** The port of /metrics, /healthz and /status.json; 0 takes any. Default 9469. */
  readonly port?: number
  /** The address to listen at. By default only this machine reaches it, `127.0.0.1`. */
  readonly host?: string
  /** How much later than its schedule a check may end before it counts as silent. By default one period, 1 to 60 minutes. */
  readonly silentAfter?: Duration
}

/**
 * Checks the shape of the settings. Whether a cron pattern can be read is decided where patterns are read: by `watch`.
 *
 * @throws refused `invariant/bad-watch` with what is wrong.
 */
export function checkWatch(declared: WatchDeclaration): WatchDeclaration {
  checkSchedule(declared.every, '`watch.every`')
  const { webhook, port, history, silentAfter, wholeWithin } = declared
  if (wholeWithin !== undefined && !(wholeWithin.milliseconds > 0))
    throw badWatch('`watch.wholeWithin` is no time', 'Give a duration above zero, as hours(24).')
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535))
    throw badWatch(`\`watch.port\` is ${port}`, 'Give a port from 0 to 65535; 0 takes any that is free.')
  if (history?.keepDays !== undefined && !(history.keepDays >= 1))
    throw badWatch(`\`watch.history.keepDays\` is ${history.keepDays}`, 'Keep runs for one day or more.')
  if (silentAfter !== undefined && !(silentAfter.milliseconds > 0))
    throw badWatch('`watch.silentAfter` is no time', 'Give a duration above zero, as minutes(5).')
  if (webhook !== undefined) checkWebhook(webhook)
  return declared
}

/** @throws refused `invariant/bad-watch` for a schedule that is neither a text nor a duration above zero. */
export function checkSchedule(schedule: Schedule, where: string): Schedule {
  const isPattern = typeof schedule === 'string' && schedule.trim() !== ''
  if (isPattern || (typeof schedule === 'object' && schedule?.milliseconds > 0)) return schedule
  throw badWatch(
    `${where} is no schedule`,
    'Give a cron pattern such as `*/5 * * * *`, or a duration such as minutes(5).',
  )
}

function checkWebhook({ url, secret, on }: WebhookDeclaration): void {
  // The values are not shown: either may be a secret.
  for (const [name, value] of Object.entries({ url, secret: secret ?? 'none' })) {
    const isGiven = typeof value === 'string' ? value !== '' : typeof value?.env === 'string' && value.env !== ''
    if (!isGiven)
      throw badWatch(
        `\`watch.webhook.${name}\` is empty`,
        'Give it, or the variable that holds it: { env: "NAME" }; is the environment variable set?',
      )
  }
  if (typeof url === 'string' && !isHttp(url))
    throw badWatch('`watch.webhook.url` is no address of http or https', 'Give it whole, as https://…')
  if (on !== undefined && !['new', 'change', 'all'].includes(on))
    throw badWatch(`\`watch.webhook.on\` is "${on}"`, 'It is one of: new, change, all.')
}

/** Whether a text is a URL that can be posted to. */
export function isHttp(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

/** The error for settings that cannot be followed. */
export function badWatch(what: string, help: string): Error {
  return refused('invariant/bad-watch', `The configuration is wrong: ${what}.`, help)
}
