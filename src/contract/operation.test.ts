import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isSelvedgeError, type SelvedgeError } from '../base/error.ts'
import { pathOf, prepareResponse, receiveRequest, receiveResponse, service } from './contract.ts'

const user = service('user')
const changeEmail = user.operation('changeEmail', {
  method: 'PUT',
  path: '/users/{userId}/emails/{kind}',
  query: z.object({ limit: z.coerce.number().optional() }),
  body: z.strictObject({ email: z.email() }),
  response: z.object({ userId: z.string(), email: z.email() }),
})

function errorOf(work: () => unknown): SelvedgeError {
  try {
    work()
  } catch (error) {
    if (isSelvedgeError(error)) return error
    throw error
  }
  throw new Error('it was accepted')
}

const params = { userId: '42', kind: 'home' }
const request = { params, query: { limit: '5' }, body: { email: 'ada@example.org' } }

describe('an operation', () => {
  it('knows its path as OpenAPI and as a router write it', () => {
    expect(changeEmail).toMatchObject({
      kind: 'operation',
      service: 'user',
      method: 'PUT',
      path: '/users/{userId}/emails/{kind}',
      route: '/users/:userId/emails/:kind',
      parameters: ['userId', 'kind'],
      status: 200,
    })
    expect(user.operation('ping', { method: 'GET', path: '/' }).status).toBe(204)
  })

  it.each(['users', '/users/{}', '/users//x', '/users/{id', '/a b', '/users?x=1', '/users/{a}{b}'])(
    'refuses the path %s',
    (path) => {
      expect(errorOf(() => user.operation('odd', { method: 'GET', path })).code).toBe('contract/invalid-path')
    },
  )

  it('reads a request, ignoring what it does not know', () => {
    const more = { ...request, body: { ...request.body, later: 1 }, params: { ...params, other: 'x' } }
    expect(receiveRequest(changeEmail, more)).toEqual({
      params,
      query: { limit: 5 },
      body: { email: 'ada@example.org' },
    })
  })

  it('refuses a request that breaks the contract, with the paths and without the values', () => {
    const error = errorOf(() => receiveRequest(changeEmail, { ...request, body: { email: 'hunter2' }, query: {} }))
    expect(error).toMatchObject({
      code: 'contract/invalid-request',
      values: { operation: 'changeEmail', problems: [{ path: 'body.email' }] },
    })
    expect(JSON.stringify(error)).not.toContain('hunter2')
    expect(errorOf(() => receiveRequest(changeEmail, { ...request, params: { userId: '42' } })).values).toMatchObject({
      problems: [{ path: 'params.kind' }],
    })
    expect(errorOf(() => receiveRequest(changeEmail, { ...request, body: undefined })).code).toBe(
      'contract/invalid-request',
    )
  })

  it('answers only what it promises', () => {
    const answer = { userId: '42', email: 'ada@example.org' }
    expect(prepareResponse(changeEmail, answer)).toBe('{"userId":"42","email":"ada@example.org"}')
    const leaking = { ...answer, passwordHash: 'hunter2' }
    const error = errorOf(() => prepareResponse(changeEmail, leaking))
    expect(error).toMatchObject({ kind: 'defect', code: 'contract/invalid-response' })
    expect(JSON.stringify(error)).not.toContain('hunter2')
    expect(errorOf(() => prepareResponse(changeEmail, { ...answer, email: 'x' })).code).toBe(
      'contract/invalid-response',
    )
  })

  it('lets a client read an answer openly', () => {
    const answer = { userId: '42', email: 'ada@example.org', later: 1 }
    expect(receiveResponse(changeEmail, answer)).toEqual({ userId: '42', email: 'ada@example.org' })
    expect(errorOf(() => receiveResponse(changeEmail, {})).code).toBe('contract/invalid-answer')
  })

  it('builds a path that cannot leave its place', () => {
    expect(pathOf(changeEmail, { userId: 'a/b?c', kind: 'ü' })).toBe('/users/a%2Fb%3Fc/emails/%C3%BC')
    for (const userId of ['', '.', '..']) {
      expect(errorOf(() => pathOf(changeEmail, { userId, kind: 'x' })).code).toBe('contract/invalid-request')
    }
  })
})
