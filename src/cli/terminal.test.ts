import { describe, expect, it } from 'vitest'
import { type TerminalOptions, terminal } from './terminal.ts'

/** Everything on one screen, as a person would see it. */
function screen(change: Partial<TerminalOptions> = {}, isTTY = true) {
  const said = { text: '' }
  const stream = { write: (text: string) => (said.text += text), isTTY, columns: 20 }
  return { ...terminal({ stdout: stream, stderr: stream, environment: {}, ...change }), said }
}

const erased = '\r\u001b[2K'

describe('what is being done', () => {
  it('is one line on a terminal, short enough not to wrap, and gives way to whatever is printed', () => {
    const { status, out, said } = screen()
    status('comparing 1 of 2: a long sentence about users')
    status('judging')
    out('done')
    out('really')
    expect(said.text).toBe(`comparing 1 of 2: …${erased}judging${erased}done\nreally\n`)
  })

  it.each<[string, Partial<TerminalOptions>, boolean]>([
    ['in a file', {}, false],
    ['on a build server', { environment: { CI: 'true' } }, true],
    ['on a terminal that moves no cursor', { environment: { TERM: 'dumb' } }, true],
  ])('is a line each %s', (_, options, isTTY) => {
    const { status, said } = screen(options, isTTY)
    status('comparing')
    status('judging')
    expect(said.text).toBe('comparing\njudging\n')
  })

  it('is not said with --quiet, and holds no password', () => {
    const quiet = screen({ isQuiet: true })
    quiet.status('comparing')
    expect(quiet.said.text).toBe('')
    const loud = screen({}, false)
    loud.status('postgres://ada:hunter2@db/x')
    expect(loud.said.text).toBe('postgres://ada:***@db/x\n')
  })
})
