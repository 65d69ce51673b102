/** What is under way between two sides of a sum: told by events that the second side has not applied yet. */
import type { Expression } from './side.ts'

/** An amount that an event moves: exact as text or bigint; a number is taken by its shortest digits. */
export type Amount = number | bigint | string

/** What one event moves: to which group, and how much of each sum. */
export interface Moved {
  /** The group's key, as the sides declare it; left out where there is one sum over all rows. */
  readonly key?: string | readonly string[]
  /** One amount where the sides sum up one expression, else by the name of the sum. Negative where it is given back. */
  readonly sum: Amount | Readonly<Record<string, Amount>>
}

/** How events of the first side's service move what is summed up to the second side. */
export interface Transit {
  /** The consumer that applies them; may be left out where the second side's service has only one of that owner. */
  readonly consumer?: string
  /** By the event's type: what its data moves, or undefined for one that moves nothing. */
  readonly of: Readonly<Record<string, (data: never) => Moved | undefined>>
}

/** Whether a sum is declared by one expression instead of several by name. */
export function isExpression(sum: Expression | Readonly<Record<string, Expression>>): sum is Expression {
  return typeof sum === 'string' || (Object.keys(sum).length === 1 && ('column' in sum || 'sql' in sum))
}
