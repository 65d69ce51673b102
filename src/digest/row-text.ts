/**
 * One row as one text: each value as `<bytes>:<text>`, NULL as `~`. The length prefix is what makes it safe: with a
 * mere separator `('a|b', 'c')` and `('a', 'b|c')` would be the same row, and NULL would be some text.
 */

/**
 * The row text of canonical values.
 *
 * @example
 * rowText(['42', null, '']) // '2:42~0:'
 */
export function rowText(values: readonly (string | null)[]): string {
  let text = ''
  for (const value of values) text += value === null ? '~' : `${Buffer.byteLength(value)}:${value}`
  return text
}

/** The same in SQL, over expressions that are canonical text already. Needs a database in UTF8. */
export function rowTextSql(texts: readonly string[]): string {
  if (texts.length === 0) return "''"
  return texts.map((text) => `coalesce(octet_length(${text}) || ':' || ${text}, '~')`).join(' || ')
}
