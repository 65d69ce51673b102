/** The HTTP edge of a service: a body is parsed, a command runs in one transaction, a refusal becomes a status. */
import type { Context } from 'hono'
import type { Queryable, Transaction } from 'selvedge/store'
import { type ZodType, z } from 'zod'
import { type Ports, Refusal, type Run } from './domain.ts'

/** The number that the platform's door gave to the request. */
export const action = z.int().nonnegative()

/** A handler that runs a command with the body and the path parameters as its input. */
export function command<I>(
  run: Run,
  input: ZodType<I>,
  work: (tx: Transaction, ports: Ports, input: I) => Promise<unknown>,
) {
  return (context: Context) =>
    answering(context, async () => {
      const parsed = input.safeParse({ ...(await context.req.json().catch(() => ({}))), ...context.req.param() })
      if (!parsed.success)
        return context.json({ code: 'http/invalid-input', message: z.prettifyError(parsed.error) }, 400)
      return context.json((await run((tx, ports) => work(tx, ports, parsed.data))) ?? {}, 200)
    })
}

/** A handler that answers with one row, or 404. */
export function row(run: Run, sql: string, parameter = 'id') {
  return (context: Context) =>
    answering(context, async () => {
      const found = await run(async (tx: Queryable) => (await tx.query(sql, [context.req.param(parameter)])).rows[0])
      return found
        ? context.json(found, 200)
        : context.json({ code: 'http/not-found', message: 'There is no such row.' }, 404)
    })
}

async function answering(context: Context, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Refusal) return context.json({ code: error.code, message: error.message }, error.status)
    throw error
  }
}
