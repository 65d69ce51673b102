/** The smallest pair of services that tests of the spine need: a shop that takes orders, and one that counts them. */
import { z } from 'zod'
import { service } from '../../src/contract/contract.ts'

export const shop = service('shop')
export const stats = service('stats')

export const OrderPlaced = shop.event('OrderPlaced', {
  schemaVersion: 1,
  about: shop.entity('Order', { key: 'id', schema: z.object({ id: z.string() }) }),
  schema: z.object({ orderId: z.string() }),
})
