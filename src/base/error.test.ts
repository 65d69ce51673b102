import { describe, expect, it } from 'vitest'
import { assert, defect, isSelvedgeError, refused, SelvedgeError, transient } from './error.ts'

const help = 'Do this.'

describe('an error of Selvedge', () => {
  it('carries kind, code, help, the values involved and the cause', () => {
    const cause = new Error('ECONNREFUSED')
    const error = transient('store/unreachable', 'user does not answer.', help, { cause, service: 'user', attempt: 3 })

    expect(error).toBeInstanceOf(SelvedgeError)
    expect(error).toMatchObject({ kind: 'transient', code: 'store/unreachable', help, cause })
    expect(error.values).toEqual({ service: 'user', attempt: 3 })
    expect([refused('a/b', 'm', help).kind, defect('a/b', 'm', help).kind]).toEqual(['refused', 'defect'])
  })

  it('starts its stack where it was raised, not where it was built', () => {
    expect(refused('a/b', 'm', help).stack?.split('\n')[1]).toContain('error.test.ts')
  })

  it('is written as JSON without losing digits and without the insides of a driver error', () => {
    const cause = Object.assign(new Error('connection terminated'), { password: 'secret' })
    const text = JSON.stringify(transient('a/b', 'm', help, { cause, xid: 9007199254740993n }))

    expect(JSON.parse(text)).toEqual({
      kind: 'transient',
      code: 'a/b',
      message: 'm',
      help,
      values: { xid: '9007199254740993' },
      cause: 'connection terminated',
    })
  })

  it('is recognized by shape, so that two copies of the library in one process understand each other', () => {
    const foreign = Object.assign(new Error('m'), { name: 'SelvedgeError', kind: 'refused', code: 'a/b' })

    expect(isSelvedgeError(foreign)).toBe(true)
    expect(isSelvedgeError(foreign, 'a/b')).toBe(true)
    expect(isSelvedgeError(foreign, 'a/c')).toBe(false)
    expect([new Error('m'), { code: 'a/b' }, null, undefined].map((value) => isSelvedgeError(value))).toEqual([
      false,
      false,
      false,
      false,
    ])
  })
})

describe('assert', () => {
  it('states what must hold', () => {
    assert(true, 'never raised')
    expect(() => assert(0, 'A position only grows.')).toThrow(
      expect.objectContaining({ kind: 'defect', code: 'base/assertion', message: 'A position only grows.' }),
    )
  })
})
