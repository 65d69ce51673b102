import { describe, expect, it } from 'vitest'
import { commandOf } from './print-report.ts'

describe('a command as it can be typed here', () => {
  it.each([
    ['selvedge explain User 1', 'npx selvedge explain User 1 --config x.ts'],
    ['selvedge explain -- User --help', 'npx selvedge explain --config x.ts -- User --help'],
    [`selvedge explain User 'a -- b'`, `npx selvedge explain User 'a -- b' --config x.ts`],
    ['selvedge parked -- -c', 'npx selvedge parked --config x.ts -- -c'],
    ['selvedge doctor', 'npx selvedge doctor --config x.ts'],
  ])('%s', (command, typed) => {
    expect(commandOf(command, 'npx selvedge', ' --config x.ts')).toBe(typed)
  })
})
