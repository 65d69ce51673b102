/**
 * An HTTP operation that a service offers: its name, method, path, and the shapes of its request and response.
 *
 * The server validates what comes in (openly: a newer client may send more) and what goes out (closed: nothing leaves
 * that the contract does not promise). The client builds its path and validates the response by the same declaration.
 */
import { defect, refused, type SelvedgeError } from '../base/error.ts'
import { compiledSchema } from './compiled-schema.ts'
import { payloadBytesMaxDefault } from './event.ts'
import { depthMax, inspect } from './inspect.ts'
import { listProblems, pathText, problemsOf } from './issues.ts'
import { keepKnown } from './keep-known.ts'
import { checkName } from './name.ts'
import { type ContractSchema, contractSchema, type DataOf, type SchemaSource } from './schema.ts'

/** The methods of HTTP that carry operations. */
export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** The parameters that a path names: `{ userId: string }` for `/users/{userId}`. */
export type PathParameters<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [K in Name | keyof PathParameters<Rest>]: string }
  : unknown

/** What an operation takes: the parts of its request. */
export interface OperationRequest<Params = unknown, Query = unknown, Body = unknown> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
}

/** An HTTP operation. `Request` is what its handler sees, `Response` what it must answer. */
export interface Operation<Request = unknown, Response = unknown> {
  readonly kind: 'operation'
  readonly name: string
  readonly service: string
  readonly method: HttpMethod
  /** The path as OpenAPI writes it: `/users/{userId}`. */
  readonly path: string
  /** The same path as routers write it: `/users/:userId`. */
  readonly route: string
  /** The names in the path, in its order. */
  readonly parameters: readonly string[]
  /** The status of a successful answer. */
  readonly status: number
  readonly query: ContractSchema | undefined
  readonly body: ContractSchema | undefined
  readonly response: ContractSchema<Response> | undefined
  /** Exists in the types only. */
  readonly request?: Request
}

/** What `service.operation` takes beside the name. */
export interface OperationDeclaration<
  Path extends string,
  Query extends SchemaSource | undefined,
  Body extends SchemaSource | undefined,
  Response extends SchemaSource | undefined,
> {
  readonly method: HttpMethod
  readonly path: Path
  /** The query string; its values arrive as text. */
  readonly query?: Query
  readonly body?: Body
  readonly response?: Response
  /** 200 by default, 204 without a response. */
  readonly status?: number
}

/** The data of a schema that may be absent. */
export type DataOrNothing<S> = S extends SchemaSource ? DataOf<S> : undefined

/** Declares an operation of a service; called through `service.operation`. */
export function declareOperation<
  Path extends string,
  Query extends SchemaSource | undefined,
  Body extends SchemaSource | undefined,
  Response extends SchemaSource | undefined,
>(
  service: string,
  name: string,
  declaration: OperationDeclaration<Path, Query, Body, Response>,
): Operation<
  OperationRequest<PathParameters<Path>, DataOrNothing<Query>, DataOrNothing<Body>>,
  DataOrNothing<Response>
> {
  checkName('an operation', name)
  const owner = `operation ${service}.${name}`
  const { method, path, status } = declaration
  if (!/^\/(?:[\w.~-]+|\{\w+\})?(?:\/(?:[\w.~-]+|\{\w+\}))*$/.test(path)) {
    throw refused(
      'contract/invalid-path',
      `${owner} has the path ${JSON.stringify(path)}`,
      'Write it as OpenAPI does, beginning with a slash: /users/{userId}/email.',
      { service, operation: name },
    )
  }
  const part = (of: string, source: SchemaSource | undefined) =>
    source === undefined ? undefined : contractSchema(source, `the ${of} of ${owner}`)
  return Object.freeze({
    kind: 'operation',
    name,
    service,
    method,
    path,
    route: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    parameters: [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string),
    status: status ?? (declaration.response === undefined ? 204 : 200),
    query: part('query', declaration.query),
    body: part('body', declaration.body),
    response: part('response', declaration.response) as ContractSchema<DataOrNothing<Response>> | undefined,
  })
}

/** A request as an HTTP framework gives it. */
export interface RawRequest {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
}

/**
 * The server's side: a request that keeps the contract, with unknown keys left out.
 *
 * @throws Refused `contract/invalid-request` with the paths (`body.email`), never the values. Answer it with 400.
 */
export function receiveRequest<Request>(operation: Operation<Request>, raw: RawRequest): Request {
  const params: Record<string, string> = {}
  for (const name of operation.parameters) {
    const value = raw.params?.[name]
    if (typeof value !== 'string' || value === '') {
      throw invalid(operation, 'request', [{ message: 'is missing from the path', path: ['params', name] }], raw)
    }
    params[name] = value
  }
  const query = read(operation, 'query', operation.query, raw.query ?? {})
  const body = read(operation, 'body', operation.body, raw.body)
  return { params, query, body } as Request
}

/**
 * The server's side: an answer as JSON text; undefined when the operation promises none.
 *
 * @throws Defect `contract/invalid-response`: the service breaks its own promise.
 */
export function prepareResponse<Response>(
  operation: Operation<unknown, Response>,
  response: NoInfer<Response>,
): string | undefined {
  if (operation.response === undefined) return undefined
  const { rules, check } = compiledSchema(operation.response, operation)
  const fault = inspect(response, rules, payloadBytesMaxDefault)
  if (fault !== undefined) {
    throw broken(operation, `${pathText(fault.path.toReversed())} ${fault.reason}`)
  }
  const result = check(response)
  if (result.issues !== undefined) throw broken(operation, listProblems(problemsOf(result.issues, response)))
  return JSON.stringify(result.value)
}

/**
 * The client's side: an answer that keeps the contract, with unknown keys left out.
 *
 * @throws Refused `contract/invalid-answer` with the paths.
 */
export function receiveResponse<Response>(operation: Operation<unknown, Response>, body: unknown): Response {
  return read(operation, 'answer', operation.response, body) as Response
}

/**
 * The client's side: the path of a request, its parameters escaped.
 *
 * @throws Refused `contract/invalid-request` when a parameter is absent or empty.
 */
export function pathOf<Params>(operation: Operation<OperationRequest<Params>>, params: NoInfer<Params>): string {
  const given = new Map(Object.entries(params as Record<string, unknown>))
  return operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = given.get(name)
    // A dot segment would be resolved away by the client and reach another operation.
    if (typeof value !== 'string' || value === '' || value === '.' || value === '..') {
      throw invalid(operation, 'request', [{ message: 'cannot stand in a path', path: ['params', name] }], params)
    }
    return encodeURIComponent(value)
  })
}

type Part = 'query' | 'body' | 'answer'

function read(operation: Operation, part: Part, schema: ContractSchema | undefined, value: unknown): unknown {
  if (schema === undefined) return undefined
  const what = part === 'answer' ? 'answer' : 'request'
  const { rules, check } = compiledSchema(schema, operation)
  const known = keepKnown(value, rules, () => {
    throw invalid(operation, what, [{ message: `nests deeper than ${depthMax} levels`, path: [part] }], value)
  })
  const result = check(known)
  if (result.issues === undefined) return result.value
  const issues = result.issues.map((issue) => ({ ...issueParts(issue), path: [part, ...(issue.path ?? [])] }))
  throw invalid(operation, what, issues, { [part]: known })
}

/** The parts that tell a problem; issues of some libraries are class instances whose getters a spread would lose. */
function issueParts(issue: { readonly message: string }) {
  return { message: issue.message, expected: (issue as { readonly expected?: unknown }).expected }
}

function invalid(
  operation: Operation,
  what: 'request' | 'answer',
  issues: Parameters<typeof problemsOf>[0],
  value: unknown,
): SelvedgeError {
  const problems = problemsOf(issues, value)
  return refused(
    `contract/invalid-${what}`,
    `the ${what} of ${ownerOf(operation)} breaks its contract: ${listProblems(problems)}`,
    what === 'request'
      ? 'Correct the request; nothing was changed.'
      : 'Ask the service that answered to keep its contract.',
    { service: operation.service, operation: operation.name, problems },
  )
}

function broken(operation: Operation, why: string): SelvedgeError {
  return defect(
    'contract/invalid-response',
    `the answer of ${ownerOf(operation)} breaks its contract: ${why}`,
    'Correct the handler, or promise more in the response schema.',
    { service: operation.service, operation: operation.name },
  )
}

function ownerOf(operation: Operation): string {
  return `operation ${operation.service}.${operation.name}`
}
