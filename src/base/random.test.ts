import { describe, expect, it } from 'vitest'
import { type Random, seededRandom, systemRandom } from './random.ts'

const draws = (random: Random) => [random.next(), random.int(1000), [...random.bytes(7)], random.shuffle([1, 2, 3, 4])]

describe('a seeded source', () => {
  it('replays: the same seed gives the same draws', () => {
    expect(draws(seededRandom(7))).toEqual(draws(seededRandom(7)))
    expect(draws(seededRandom('7'))).toEqual(draws(seededRandom(7)))
    expect(draws(seededRandom(8))).not.toEqual(draws(seededRandom(7)))
  })

  it('gives these very draws for seed 7, for as long as recorded seeds shall replay', () => {
    const random = seededRandom(7)
    expect([random.int(1000), random.int(1000), random.int(1000)]).toEqual([655, 155, 808])
  })

  it('forks by label alone, so that a new draw in one part moves no other part', () => {
    const fresh = seededRandom(7)
    const used = seededRandom(7)
    used.next()

    expect(draws(used.fork('faults'))).toEqual(draws(fresh.fork('faults')))
    expect(draws(fresh.fork('faults'))).not.toEqual(draws(fresh.fork('traffic')))
  })
})

describe.each([
  ['system', systemRandom],
  ['seeded', seededRandom(1)],
])('the %s source', (_, random) => {
  it('draws evenly from its range', () => {
    const counts = [0, 0, 0, 0, 0]
    for (let draw = 0; draw < 50_000; draw++) counts[random.int(5)]! += 1
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(600)
    for (let draw = 0; draw < 1_000; draw++) {
      const number = random.next()
      expect(number >= 0 && number < 1).toBe(true)
    }
  })

  it('hands out bytes that later draws leave alone', () => {
    const kept = random.bytes(16)
    const copy = [...kept]
    for (let draw = 0; draw < 5_000; draw++) random.bytes(16)

    expect([...kept]).toEqual(copy)
    expect(random.bytes(0)).toHaveLength(0)
    expect(random.bytes(40_000)).toHaveLength(40_000)
  })

  it('shuffles and picks without loss, and leaves the original alone', () => {
    const original = [1, 2, 3, 4, 5]
    expect(random.shuffle(original).toSorted()).toEqual(original)
    expect(original).toEqual([1, 2, 3, 4, 5])
    expect(original).toContain(random.pick(original))
  })

  it('refuses an empty choice and a range without numbers', () => {
    expect(() => random.pick([])).toThrow(RangeError)
    for (const bound of [0, -1, Number.NaN, 2 ** 54]) expect(() => random.int(bound)).toThrow(RangeError)
  })
})
