/** Numbers for people. Without `Intl`, whose tables take a process 15 to 20 ms when they are first read. */

/**
 * A whole number with a comma between thousands.
 *
 * @example
 * thousands(1_200_000) // '1,200,000'
 */
export function thousands(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 row`, `1,200 rows`. */
export function counted(n: number, noun: string): string {
  return `${thousands(n)} ${noun}${n === 1 ? '' : 's'}`
}
