/** Tests that need more than a server: skipped by name where it is missing, failing where SELVEDGE_REQUIRE lists it. */
import { test } from 'vitest'

/**
 * `test` where `isThere`, else a test that is skipped; where `SELVEDGE_REQUIRE` (names, comma separated) lists `name`,
 * it is run and fails, so that a continuous build cannot lose it silently.
 *
 * @example
 * const testWithRoot = testThatNeeds('root', process.getuid?.() === 0)
 * testWithRoot('the server runs as another user', async () => { … })
 */
export function testThatNeeds(name: string, isThere: boolean): typeof test {
  const required = (process.env.SELVEDGE_REQUIRE ?? '').split(',').includes(name)
  if (isThere || required) return test
  const skipped = (title: string) => test.skip(`${title} (skipped: needs ${name})`, () => undefined)
  // A test of many cases is left out as one.
  return Object.assign(skipped, { each: () => skipped }) as unknown as typeof test
}
