/** Quoting: every identifier that reaches SQL passes through here. */
import { refused } from '../base/error.ts'

/** PostgreSQL cuts identifiers after 63 bytes; a cut name could silently mean another table. */
const identifierBytesMax = 63

/**
 * A quoted SQL identifier.
 *
 * @throws Refused `store/bad-identifier` when it is empty, holds a NUL or is longer than 63 bytes.
 */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0') || Buffer.byteLength(name) > identifierBytesMax)
    throw refused(
      'store/bad-identifier',
      `${JSON.stringify(name)} is not a name PostgreSQL can hold.`,
      'Use 1 to 63 bytes without NUL.',
      { name },
    )
  return `"${name.replaceAll('"', '""')}"`
}

/** The names of our plans and of our NOTIFY channel hold the schema's, and the server cuts both after 63 bytes. */
const schemaBytesMax = 40

/**
 * A quoted name for the schema of our tables.
 *
 * @throws Refused `store/bad-identifier` when it is longer than 40 bytes, or holds `$$`, which would end the bodies of our functions.
 */
export function quoteSchema(name: string): string {
  const quoted = quoteIdentifier(name)
  if (name.includes('$$') || Buffer.byteLength(name) > schemaBytesMax)
    throw refused(
      'store/bad-identifier',
      `${JSON.stringify(name)} cannot be the schema of Selvedge's tables.`,
      `Use 1 to ${schemaBytesMax} bytes without NUL and without $$.`,
      { name },
    )
  return quoted
}

/** A quoted table name from `table`, `schema.table` or `"Odd.Name"."Table"`: parts that are already quoted stay as they are. */
export function sqlTable(name: string): string {
  const parts = name.match(/"(?:[^"]|"")*"|[^.]+/g) ?? ['']
  return parts
    .map((part) =>
      part.startsWith('"') ? quoteIdentifier(part.slice(1, -1).replaceAll('""', '"')) : quoteIdentifier(part),
    )
    .join('.')
}

/** A quoted SQL string literal. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted
}
