/**
 * When the log may be cut again: at once for a few events, after a pause for many.
 *
 * A pause of three times a tick's duration keeps ticking below a quarter of one connection. Alone it is wrong for a quiet log:
 * one tick that waited 10 ms for the disk would make the next events wait 30 ms for nothing. So a tick that few events wait for
 * comes without a pause, as long as such ticks are within an allowance that a busy log uses up at once.
 */

/** Pauses between ticks of a busy log. */
const pauseFactor = 3
const pauseMsMin = 1
const pauseMsMax = 25
/** More than this waiting for one tick is a busy log: then a pause gathers more of them, and costs each of them little. */
const fewWaiting = 2
/** Ticks a second without a pause: at 0.3 ms of the server's time each, a tenth of one core. */
const promptPerSecond = 300
/** What a quiet log may save up: enough for the events that gather behind one slow commit. */
const promptSavedMax = 30

export class TickPace {
  #pauseMs = pauseMsMin
  #endedAtMs = Number.NEGATIVE_INFINITY
  #waiting = 0
  #saved = promptSavedMax
  #savedAtMs = 0

  /** A commit that carries events. */
  published(): void {
    this.#waiting += 1
  }

  /** How long the next tick must wait, in milliseconds; 0 for now. */
  waitMs(nowMs: number): number {
    const leftMs = this.#endedAtMs + this.#pauseMs - nowMs
    if (leftMs <= 0) return 0
    return this.#waiting <= fewWaiting && this.#savedAt(nowMs) >= 1 ? 0 : leftMs
  }

  /** A tick begins. One without a pause is taken from the allowance. */
  started(nowMs: number): void {
    this.#saved = this.#savedAt(nowMs)
    this.#savedAtMs = nowMs
    if (nowMs < this.#endedAtMs + this.#pauseMs) this.#saved -= 1
    this.#waiting = 0
  }

  /** The tick is stored. A moving average, so that one slow tick (a checkpoint, a new partition) does not set the pace. */
  ended(nowMs: number, durationMs: number): void {
    this.#endedAtMs = nowMs
    const aimMs = Math.min(pauseMsMax, Math.max(pauseMsMin, pauseFactor * durationMs))
    this.#pauseMs += (aimMs - this.#pauseMs) * 0.3
  }

  #savedAt(nowMs: number): number {
    return Math.min(promptSavedMax, this.#saved + ((nowMs - this.#savedAtMs) * promptPerSecond) / 1000)
  }
}
