/**
 * The names of the nouns. They become stream names, log columns, NATS subjects, HTTP paths and file names, so they
 * are kept to the characters that need quoting in none of them.
 */
import { refused } from '../base/error.ts'

/** The longest name. One hundred characters leave room for a key in a stream of 512 bytes. */
export const nameLengthMax = 100

const allowed = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/

/**
 * Returns the name when it may be used: letters, digits, dots and dashes, at most 100 characters.
 *
 * @throws Refused `contract/invalid-name`.
 */
export function checkName<N extends string>(what: string, name: N): N {
  if (typeof name === 'string' && name.length <= nameLengthMax && allowed.test(name)) return name
  const shown = typeof name === 'string' ? JSON.stringify(name.slice(0, nameLengthMax)) : typeof name
  throw refused(
    'contract/invalid-name',
    `${shown} cannot name ${what}`,
    `Use 1 to ${nameLengthMax} letters, digits, dots and dashes, beginning and ending with a letter or digit.`,
    { what, name: shown },
  )
}
