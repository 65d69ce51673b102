import { describe, expect, it } from 'vitest'
import { seededRandom } from '../base/base.ts'
import { type Moment, timeline } from './history.ts'

const at = (clock: string) => new Date(`2026-11-23T${clock}Z`)
const event = (version: number) => ({ source: 'user', stream: 'User/42', version })
const published = (version: number, clock: string): Moment => ({
  kind: 'published',
  op: 'event',
  service: 'user',
  at: at(clock),
  event: event(version),
})
const applied = (version: number, clock: string): Moment => ({
  kind: 'applied',
  consumer: 'progress',
  service: 'progress',
  at: at(clock),
  event: event(version),
})
const read = (moments: readonly Moment[]) =>
  timeline(moments).map((moment) => `${moment.kind} ${moment.event?.version}`)

describe('a timeline', () => {
  it('is in the order of time where clocks agree', () => {
    const moments = [applied(1, '08:00:01'), published(2, '08:00:05'), published(1, '08:00:00')]
    expect(read(moments)).toEqual(['published 1', 'applied 1', 'published 2'])
  })

  it('never shows an application before its commit, though the consumer runs five minutes behind', () => {
    const moments = [published(1, '08:00:00'), published(2, '08:00:09'), applied(1, '07:55:01'), applied(2, '07:55:10')]
    expect(read(moments)).toEqual(['published 1', 'applied 1', 'published 2', 'applied 2'])
  })

  it("keeps a stream's versions in order, though the owner's clock jumped back", () => {
    expect(read([published(2, '07:59:00'), published(1, '08:00:00')])).toEqual(['published 1', 'published 2'])
  })

  it('keeps the recorded time of what it moves', () => {
    expect(timeline([published(1, '08:00:00'), applied(1, '07:55:00')])[1]?.at).toEqual(at('07:55:00'))
  })

  it('is one order, however the moments were read', () => {
    const other: Moment = { kind: 'written-behind', table: 'app_user', service: 'user', at: at('08:00:00') }
    const moments = [published(1, '08:00:00'), applied(1, '08:00:00'), published(2, '08:00:00'), other]
    const random = seededRandom(11)
    const orders = Array.from({ length: 50 }, () => JSON.stringify(timeline(random.shuffle(moments))))
    expect(new Set(orders).size).toBe(1)
  })
})
