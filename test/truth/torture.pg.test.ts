/** The false-negative torture suite: whatever differs is found, by exactly its keys, and nothing else is. */
import { describe, expect } from 'vitest'
import { pairs } from './engine.ts'
import { rowCases } from './row-cases.ts'
import { possibleFor, type Said, sayAll } from './truth-case.ts'
import { valueCases } from './value-cases.ts'

const cases = [...valueCases, ...rowCases]

describe.each(pairs)('$title', (pair) => {
  let asked: Promise<ReadonlyMap<string, Said>> | undefined
  for (const { what, found, why } of possibleFor(pair, cases))
    pair.test(`${what}: found`, { timeout: 120_000 }, async () => {
      // All cases are loaded and checked at once, by whichever is first.
      asked ??= sayAll(pair, cases)
      const said = (await asked).get(what)
      expect(said).toEqual({ keys: found, why: why === undefined ? undefined : expect.stringMatching(why) })
    })
})
