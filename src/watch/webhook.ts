/**
 * Tells a receiver what changed: at least once, in order, without ever holding up a check.
 *
 * What is to be told stands in the history until the receiver took it, so that a crash or a restart loses nothing. The
 * receiver knows a message that comes twice by the header `idempotency-key`, and that it is ours by `selvedge-signature`:
 *
 *     selvedge-signature: t=1764259200,v1=<hex of HMAC-SHA256 over "1764259200." and the body, by the secret>
 */
import { createHmac } from 'node:crypto'
import { backoff, type Clock, type Random, type Scheduler, type Task } from '../base/base.ts'
import type { History } from './history.ts'
import type { WebhookSetting } from './setting.ts'
import { messageOf } from './webhook-message.ts'

/** The part of `fetch` that is needed. */
export type Send = (
  url: string,
  request: {
    readonly method: 'POST'
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
    readonly redirect: 'manual'
    readonly signal: AbortSignal
  },
) => Promise<{ readonly status: number; readonly body?: { cancel(): Promise<void> } | null }>

/** What a webhook needs. */
export interface WebhookParts {
  readonly setting: WebhookSetting
  readonly history: History
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly send: Send
  /** Hears of what went wrong, without any secret. */
  readonly onNote: (line: string) => void
}

/** What was done since the process began. */
export interface WebhookCounts {
  sent: number
  failed: number
  dropped: number
}

/** A receiver that takes longer works on it before it answers, which it should not. */
const answerMsMax = 10_000

/** A receiver that restarts is reached within seconds; one that is down for a night is not hammered. */
const pauseMsFirst = 1_000
const pauseMsMax = 300_000

/** News of yesterday is in the history; the receiver is told how many messages it missed. */
const ageMsMax = 24 * 3_600_000

/** Sends what waits, one message at a time. */
export class Webhook {
  readonly counts: WebhookCounts = { sent: 0, failed: 0, dropped: 0 }
  readonly #parts: WebhookParts
  readonly #task: Task
  #failures = 0

  constructor(parts: WebhookParts) {
    this.#parts = parts
    this.#task = parts.scheduler.task('watch-webhook', () => this.#round())
  }

  /** Something may wait. While the receiver is down the pause goes on. */
  wake(): void {
    if (this.#failures === 0) this.#task.wake()
  }

  /** Ends after the message in flight; what still waits is sent after the next start. */
  stop(): Promise<void> {
    return this.#task.stop()
  }

  async #round(): Promise<number | 'idle'> {
    const { history, clock, setting, random, onNote } = this.#parts
    const record = history.state.untold[0]
    if (record === undefined) return 'idle'
    const message = messageOf(record, { on: setting.on, missed: history.state.missed })
    const failure = await this.#post(message.id, JSON.stringify(message))
    if (failure === undefined) {
      this.counts.sent += 1
      this.#failures = 0
      history.append({ kind: 'told', id: record.id, outcome: 'sent' })
      return 0
    }
    this.counts.failed += 1
    this.#failures += 1
    const isTooOld = clock.now().getTime() - Date.parse(message.at) > ageMsMax
    onNote(`webhook: ${hostOf(setting.url)} ${failure}; ${isTooOld ? 'given up after a day' : 'it is tried again'}`)
    if (isTooOld) {
      this.counts.dropped += 1
      history.append({ kind: 'told', id: record.id, outcome: 'dropped' })
    }
    // Half of the pause is fixed: a receiver that is down must not be asked at once.
    return pauseMsFirst / 2 + backoff({ attempt: this.#failures, baseMs: pauseMsFirst, maxMs: pauseMsMax, random })
  }

  /** What went wrong, in words that hold no secret; undefined when the receiver took it. */
  async #post(id: string, body: string): Promise<string | undefined> {
    const { setting, send, scheduler, clock } = this.#parts
    const [late, answered] = [new AbortController(), new AbortController()]
    void scheduler.sleep(answerMsMax, answered.signal).then(() => late.abort())
    try {
      const headers = {
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'selvedge-watch',
        'idempotency-key': id,
        ...(setting.secret === undefined
          ? {}
          : { 'selvedge-signature': signatureOf({ body, secret: setting.secret, at: clock.now() }) }),
      }
      const request = { method: 'POST', headers, body, redirect: 'manual', signal: late.signal } as const
      const answer = await send(setting.url, request)
      await answer.body?.cancel()
      return answer.status >= 200 && answer.status < 300 ? undefined : `answered ${answer.status}`
    } catch (error) {
      if (late.signal.aborted && !answered.signal.aborted) return `did not answer within ${answerMsMax / 1_000} s`
      // The message of a client may quote the URL, which may be a secret: its code says enough.
      const { code } = ((error as { cause?: unknown }).cause ?? error) as { code?: unknown }
      return `could not be reached${typeof code === 'string' ? ` (${code})` : ''}`
    } finally {
      answered.abort()
    }
  }
}

/**
 * The signature of a message. A receiver makes it itself from the time and the body it got, compares it in constant time,
 * and refuses times that are more than some minutes off.
 */
export function signatureOf(parts: { readonly body: string; readonly secret: string; readonly at: Date }): string {
  const seconds = Math.floor(parts.at.getTime() / 1_000)
  const hash = createHmac('sha256', parts.secret).update(`${seconds}.${parts.body}`).digest('hex')
  return `t=${seconds},v1=${hash}`
}

/** The only part of the receiver's address that is printed. */
function hostOf(url: string): string {
  return new URL(url).host
}
