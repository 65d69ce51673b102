import { describe, expect, it } from 'vitest'
import { redact, type TerminalOptions, terminal } from './terminal.ts'

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

describe('what is printed', () => {
  it.each([
    ['postgres://ada:hunter2@db/x', 'postgres://ada:***@db/x'],
    ['see https://:token@host and HTTP://a:b@c', 'see https://:***@host and HTTP://a:***@c'],
    ['mysql://a:p@ss@db', 'mysql://a:***@db'],
    ['host=db password=secret user=x', 'host=db password=*** user=x'],
    ['a ratio of 3:4@noon, ://a:b@c', 'a ratio of 3:4@noon, ://a:b@c'],
  ])('holds no password: %s', (text, redacted) => expect(redact(text)).toBe(redacted))

  it('orders no terminal about, whatever was stored, and keeps its colors', () => {
    const { out, note, error, paint, said } = screen({ environment: {} })
    const stored = 'a\u001b[31mred\u001b]52;c;eA==\u0007\u001b[2J\r\u009b1A\u0000'
    out(`${paint.bad('key')} ${stored}`)
    note(stored)
    error(new Error(stored))
    const rest = said.text.replaceAll('\u001b[31m', '').replaceAll('\u001b[39m', '')
    expect(rest.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    expect(said.text).toContain('\u001b[31mkey\u001b[39m a')
  })

  it('is read once, however long a value is', { timeout: 10_000 }, () => {
    const long = 'a1b2'.repeat(4_000_000)
    expect(redact(`${long} ${long}://u:p@h`)).toBe(`${long} ${long}://u:***@h`)
  })
})
