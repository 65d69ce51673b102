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

/** Whether a value's text is hashed without its length. */
export interface Hashed {
  readonly isShort?: boolean
}

/**
 * The text of a row's values that is hashed: short ones as they are, others after their bytes, all after commas; NULL is
 * `~`, or -1 bytes with nothing after them. It says the same as `rowText`, in fewer steps of the servers.
 *
 * @example
 * hashedText(['42', null, 'a,b'], [{ isShort: true }, {}, {}]) // '42,-1,3,a,b'
 */
export function hashedText(values: readonly (string | null)[], forms: readonly Hashed[]): string {
  return values
    .map((value, i) => {
      if (forms[i]?.isShort === true) return value ?? '~'
      return value === null ? '-1' : `${Buffer.byteLength(value)},${value}`
    })
    .join(',')
}

/** The same in SQL, over expressions that are canonical text already. Needs a database in UTF8. */
export function hashedTextSql(texts: readonly string[], forms: readonly (Hashed | undefined)[]): string {
  const parts = texts.flatMap((text, i) =>
    forms[i]?.isShort === true
      ? [`coalesce(${text}, '~')`]
      : // What is NULL is left out by concat_ws.
        [`coalesce(octet_length(${text}), -1)`, text],
  )
  return parts.length === 0 ? "''" : `concat_ws(',', ${parts.join(', ')})`
}
