/** One checked-out connection, as a driver offers it: statements leave together, answers come one by one. */
import type { Result, Statement } from './database.ts'

export interface Connection {
  /** Sends all statements in one flight where the driver can pipeline, else one after the other. One answer per statement. */
  flight(statements: readonly Statement[]): Promise<Result>[]
  /** Gives the connection back; a broken one is closed instead. */
  release(broken?: boolean): void
}
