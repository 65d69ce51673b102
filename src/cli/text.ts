/** Small words for people. */
import { formatDuration, milliseconds } from '../base/duration.ts'

/** How long ago a moment was, on the clock of whoever asks. */
export function ageText(at: Date, now: Date): string {
  const ms = now.getTime() - at.getTime()
  return ms < 0 ? 'in the future of this clock' : `${formatDuration(milliseconds(ms))} ago`
}

/** A value of a row, short enough for one line. */
export function valueText(value: unknown, length = 60): string {
  const text =
    value instanceof Date ? value.toISOString() : typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  // A control character in a value must not move the cursor of whoever reads it.
  const plain = [...text].map((c) => (c < ' ' || c === '\u007f' ? ' ' : c)).join('')
  return plain.length > length ? `${plain.slice(0, length - 1)}…` : plain
}

/** Lines of cells in columns; the last column is left as it is. */
export function columnsText(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  return rows.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  '))
}
