/** The payment service: money for enrollments, taken and given back. The card provider is outside of the academy. */
import { Hono } from 'hono'
import type { Transaction } from 'selvedge/store'
import { z } from 'zod'
import { learnerCopy } from '../copies.ts'
import { type AcademyService, type Ports, Refusal, when } from '../domain.ts'
import { EnrollmentCancelled } from '../enrollment/contract.ts'
import { command, row } from '../http.ts'
import type { UserContract } from '../user/contract.ts'
import { PaymentCaptured, PaymentRefunded, payment } from './contract.ts'
import { paymentTables } from './tables.ts'

const paying = z.object({ id: z.string(), enrollmentId: z.string(), userId: z.string(), cents: z.int().positive() })

/** Takes the money for an enrollment, once. */
async function pay(tx: Transaction, ports: Ports, input: z.infer<typeof paying>) {
  const { id, enrollmentId, userId, cents } = input
  const { rowCount } = await tx.query(
    `insert into payment (payment_id, enrollment_id, user_id, cents, status) values ($1, $2, $3, $4, 'captured')
     on conflict do nothing`,
    [id, enrollmentId, userId, cents],
  )
  if (rowCount === 0) throw new Refusal('payment/already-paid', `${enrollmentId} has been paid already.`)
  await ports.publish(tx, PaymentCaptured, { paymentId: id, enrollmentId, cents })
}

/** Gives the money back when nothing is left to pay for. */
async function refund(tx: Transaction, ports: Ports, enrollmentId: string) {
  const { rows } = await tx.query<{ payment_id: string; cents: number }>(
    `update payment set status = 'refunded' where enrollment_id = $1 and status = 'captured' returning payment_id, cents`,
    [enrollmentId],
  )
  for (const { payment_id: paymentId, cents } of rows)
    await ports.publish(tx, PaymentRefunded, { paymentId, enrollmentId, cents })
}

/** The payment service, reading the user service by the given contract. */
export function paymentService(user: UserContract): AcademyService {
  return {
    contract: payment,
    tables: paymentTables,
    copies: [learnerCopy(user)],
    facts: [],
    reactions: [
      when(EnrollmentCancelled, (tx, ports, { enrollmentId }) => refund(tx, ports, enrollmentId)),
      when(user.UserDeleted, async (tx, _ports, { userId }) => {
        await tx.query('update payment set user_id = null where user_id = $1', [userId])
      }),
    ],
    api: (run) => {
      const app = new Hono()
      app.get('/payments/:id', row(run, 'select * from payment where payment_id = $1'))
      app.put('/payments/:id', command(run, paying, pay))
      return app
    },
  }
}
