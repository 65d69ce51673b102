/**
 * The rows of one statement, a page at a time. The driver's own stream reads ahead by rows, however wide they are, and hands
 * them over one by one; here it stops when a page is full, by rows or by what they hold.
 */
import type { Connection } from 'mysql2'

/** A row as it arrives: text, bytes, or a count. */
export type MysqlRow = readonly (string | Buffer | number | null)[]

/** What a page may hold, whatever the rows: one of megabytes is a page of its own. */
const charactersPerPage = 4 * 1024 * 1024

/** Whoever gives up early must close the session: the statement goes on there. */
export async function* mysqlPages(
  connection: Connection,
  rowsPerPage: number,
  sql: string,
): AsyncGenerator<MysqlRow[]> {
  let page: MysqlRow[] = []
  let characters = 0
  let ended: { readonly error?: unknown } | undefined
  let wake = (): void => {}
  const isFull = () => page.length >= rowsPerPage || characters >= charactersPerPage
  const query = connection.query({ sql, rowsAsArray: true })
  query.on('result', (row) => {
    page.push(row as unknown as MysqlRow)
    characters += widthOf(row as unknown as MysqlRow)
    if (!isFull()) return
    connection.pause()
    wake()
  })
  const fail = (error: unknown): void => {
    ended ??= { error }
    wake()
  }
  query.on('error', fail)
  // A connection that is lost says so here, and not to a query whose rows are taken one by one.
  connection.on('error', fail)
  query.on('end', () => {
    ended ??= {}
    wake()
  })
  try {
    for (;;) {
      if (ended === undefined && !isFull())
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      const { error } = (ended ?? {}) as { error?: unknown }
      if (error !== undefined) throw error
      const full = page
      page = []
      characters = 0
      if (full.length > 0) yield full
      if (ended !== undefined && page.length === 0) return
      connection.resume()
    }
  } finally {
    connection.off('error', fail)
  }
}

function widthOf(row: MysqlRow): number {
  let width = 0
  for (const value of row) width += typeof value === 'string' || Buffer.isBuffer(value) ? value.length : 1
  return width
}
