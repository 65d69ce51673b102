/** What the payment service promises: money taken for an enrollment, and money given back. */
import { service } from 'selvedge/contract'
import { z } from 'zod'

export const payment = service('payment', { team: 'billing' })

const state = { paymentId: z.string(), enrollmentId: z.string(), cents: z.int() }

export const Payment = payment.entity('Payment', { key: 'paymentId', schema: z.object(state) })

export const PaymentCaptured = payment.event('PaymentCaptured', {
  schemaVersion: 1,
  about: Payment,
  schema: z.object(state),
})

export const PaymentRefunded = payment.event('PaymentRefunded', {
  schemaVersion: 1,
  about: Payment,
  schema: z.object(state),
})
