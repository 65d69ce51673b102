/** The false-positive suite at rest: equal values in other clothes. Nothing may be found. */
import { describe, expect } from 'vitest'
import { alikeCases } from './alike-cases.ts'
import { pairs } from './engine.ts'
import { possibleFor, type Said, sayAll, swapped } from './truth-case.ts'

const cases = [...alikeCases, ...alikeCases.map(swapped)]

describe.each(pairs)('$title', (pair) => {
  let asked: Promise<ReadonlyMap<string, Said>> | undefined
  for (const { what } of possibleFor(pair, cases))
    pair.test(`${what}: nothing found`, { timeout: 120_000 }, async () => {
      asked ??= sayAll(pair, cases)
      expect((await asked).get(what)).toEqual({ keys: [], why: undefined })
    })
})
