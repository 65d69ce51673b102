/**
 * What the charsets of MySQL and MariaDB can write. The server refuses to compare a column with a text that its charset
 * cannot hold ("Illegal mix of collations"), though the answer is plain: no row can have it.
 */

/** Charsets of all of Unicode. */
const whole: ReadonlySet<string> = new Set(['utf8mb4', 'utf16', 'utf16le', 'utf32'])

/** Its latin1 is the code page 1252 of Windows. */
const latin1 = new Set(new TextDecoder('windows-1252').decode(Uint8Array.from({ length: 256 }, (_, byte) => byte)))

const isAscii = (text: string) => /^[\0-\x7f]*$/.test(text)
/** Up to U+FFFF. */
const isBasic = (text: string) => !/[\ud800-\udfff]/.test(text)

const tests: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ['ascii', isAscii],
  ['latin1', (text: string) => [...text].every((char) => latin1.has(char))],
  ['utf8', isBasic],
  ['utf8mb3', isBasic],
  ['ucs2', isBasic],
])

/**
 * Whether a column of a charset can hold a text; undefined where that is not known, for rarer charsets and expressions.
 *
 * @example
 * canHold('latin1', '漢') // false
 */
export function canHold(charset: string | undefined, text: string): boolean | undefined {
  if (whole.has(charset ?? '') || isAscii(text)) return true
  return tests.get(charset ?? '')?.(text)
}
