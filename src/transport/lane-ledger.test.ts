import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LaneLedger } from './lane-ledger.ts'
import type { Message, Punctuation } from './transport.ts'

const message = (tick: number, version: number, more: Partial<Message> = {}): Message => ({
  ...{ kind: 'message', source: 'user', epoch: 1, tick, seq: tick, lane: 0, stream: 'User/1', version },
  ...{ id: `${version}`, type: 'T', schemaVersion: 1, op: 'event', at: '2026-03-02T08:00:00.000Z', data: '{}' },
  ...more,
})
const punctuation = (
  fromTick: number,
  toTick: number,
  count: number,
  more: Partial<Punctuation> = {},
): Punctuation => ({
  ...{ kind: 'punctuation', source: 'user', epoch: 1, lane: 0, fromTick, toTick, count },
  ...more,
})

describe('a lane ledger', () => {
  it('calls a lane complete when as many events arrived as were sent, duplicates counted once', () => {
    const ledger = new LaneLedger()
    for (const version of [1, 2, 2, 1]) ledger.arrived(message(version, version))
    expect(ledger.punctuated(punctuation(0, 2, 2))).toEqual({ kind: 'complete', upToTick: 2 })
    expect(ledger.completeTick()).toBe(2)
  })

  it('lets an event that comes again with a later tick stand for no other', () => {
    const ledger = new LaneLedger()
    ledger.arrived(message(1, 1))
    expect(ledger.punctuated(punctuation(0, 1, 1))).toEqual({ kind: 'complete', upToTick: 1 })
    ledger.arrived(message(3, 1))
    expect(ledger.punctuated(punctuation(1, 3, 1))).toEqual({ kind: 'missing', afterTick: 1, count: 1 })
  })

  it('proves the loss of the last message of a stream', () => {
    const ledger = new LaneLedger()
    ledger.arrived(message(1, 1))
    expect(ledger.punctuated(punctuation(0, 2, 2))).toEqual({ kind: 'missing', afterTick: 0, count: 1 })
    expect(ledger.completeTick()).toBeUndefined()
  })

  it('is complete again after the lane was read from the owner', () => {
    const ledger = new LaneLedger()
    ledger.punctuated(punctuation(0, 2, 1))
    ledger.caughtUp(0, 1, 2)
    ledger.arrived(message(3, 2))
    expect(ledger.punctuated(punctuation(2, 3, 1))).toEqual({ kind: 'complete', upToTick: 3 })
  })

  it('takes a lost punctuation for a hole, even if nothing was sent meanwhile', () => {
    const ledger = new LaneLedger()
    ledger.caughtUp(0, 1, 5)
    expect(ledger.punctuated(punctuation(7, 9, 0))).toEqual({ kind: 'missing', afterTick: 5, count: 1 })
  })

  it('knows what is over: older stretches and older epochs', () => {
    const ledger = new LaneLedger()
    ledger.caughtUp(0, 2, 5)
    expect(ledger.punctuated(punctuation(0, 5, 9, { epoch: 2 }))).toEqual({ kind: 'known' })
    expect(ledger.punctuated(punctuation(5, 9, 9, { epoch: 1 }))).toEqual({ kind: 'known' })
    expect(ledger.punctuated(punctuation(0, 1, 0, { epoch: 3 }))).toEqual({ kind: 'complete', upToTick: 1 })
  })

  it('says missing rather than forget when its memory is full', () => {
    const ledger = new LaneLedger({ arrivalsMax: 2 })
    for (const version of [1, 2, 3]) ledger.arrived(message(1, version))
    expect(ledger.punctuated(punctuation(0, 1, 3)).kind).toBe('missing')
    ledger.caughtUp(0, 1, 1)
    expect(ledger.punctuated(punctuation(1, 2, 0)).kind).toBe('complete')
  })

  it('owns a cut only up to its slowest lane', () => {
    const ledger = new LaneLedger()
    ledger.caughtUp(0, 1, 9)
    ledger.caughtUp(1, 1, 4)
    expect(ledger.completeTick()).toBe(4)
  })

  it('never calls a lane complete that misses an event, whatever is lost, repeated or overtaken', () => {
    const events = fc.array(fc.record({ arrives: fc.integer({ min: 0, max: 2 }), order: fc.nat() }), { maxLength: 30 })
    fc.assert(
      fc.property(events, (given) => {
        const ledger = new LaneLedger()
        const sent = given.map((event, n) => ({ ...event, message: message(n + 1, n + 1) }))
        const arriving = sent.flatMap((event) => Array.from({ length: event.arrives }, () => event))
        for (const event of arriving.toSorted((a, b) => a.order - b.order)) ledger.arrived(event.message)
        const verdict = ledger.punctuated(punctuation(0, given.length + 1, given.length))
        const missing = given.filter((event) => event.arrives === 0).length
        expect(verdict).toEqual(
          missing === 0
            ? { kind: 'complete', upToTick: given.length + 1 }
            : { kind: 'missing', afterTick: 0, count: missing },
        )
      }),
    )
  })
})
