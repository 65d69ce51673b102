/** What must be true of the matrices, however many cases they count. */
import { expect } from 'vitest'
import type { Matrix } from './matrix.ts'

/** All that was said is what the cause wants, of at least `least` cases each, and nothing was said of anything else. */
export function expectDiagonal(matrix: Matrix, least: number): void {
  expect({ wrong: matrix.wrong, unexpected: matrix.unexpected }).toEqual({ wrong: [], unexpected: [] })
  for (const [title, { expected, said }] of matrix.counts) {
    expect({ title, said: [...said.keys()] }).toEqual({ title, said: [expected] })
    expect(said.get(expected), title).toBeGreaterThanOrEqual(least)
  }
}

/** No cause is named. */
export function expectNoCause(matrix: Matrix): void {
  const said = new Set([...matrix.counts.values()].flatMap((row) => [...row.said.keys()]))
  for (const one of said) expect(['diverged', 'inconclusive', 'mapping-error', 'nothing']).toContain(one)
}
