import { describe, expect, it } from 'vitest'
import { agree, correspondsTo, type Relation, references } from '../invariant/invariant.ts'
import { difference, differingColumns, holds, type KeyState, type Shape } from './compare.ts'

const side = (source: string, columns: string[] = []) => ({ source, table: 't', key: 'id', columns })
const shape = (relation: Relation, columnNames: string[] = []): Shape => ({
  relation,
  sideNames: relation.sides.map((each) => each.source),
  columnNames,
  kinds: columnNames.map((name) => (name === 'j' ? 'json' : 'text')),
})
const state = (...images: KeyState['images'][number][]): KeyState => ({ key: ['1'], images, stamps: [] })

const three = shape(agree('A', ...['a', 'b', 'c'].map((source) => side(source, ['j', 'v']))).relation, ['j', 'v'])
const row = (j: string | null, v: string | null) => [[j, v]]

describe('sides that must agree', () => {
  it('hold when all have the same row or none has one', () => {
    expect(holds(three, state([], [], []))).toBe(true)
    expect(holds(three, state(row('{"a": 1.0}', 'x'), row('{"a": 1.00}', 'x'), row('{"a": 1}', 'x')))).toBe(true)
    expect(holds(three, state(row(null, 'x'), row(null, 'x'), []))).toBe(false)
    expect(holds(three, state(row(null, null), row(null, ''), row(null, null)))).toBe(false)
    expect(holds(three, state([...row('1', 'x'), ...row('1', 'x')], row('1', 'x'), row('1', 'x')))).toBe(false)
  })

  it('name the columns that differ with the value of each side that has the row', () => {
    expect(differingColumns(three, state(row('1', 'x'), row('1', 'y'), []))).toEqual([
      { column: 'v', values: { a: 'x', b: 'y' } },
    ])
  })

  it('are told apart in one sentence', () => {
    expect(difference(three, state(row('1', 'x'), [], row('1', 'x')))).toBe('a and c have it, b does not')
    expect(difference(three, state(row('1', 'x'), [], []))).toBe('a has it, b and c do not')
    expect(difference(three, state(row('1', 'x'), row('2', 'y'), row('1', 'x')))).toBe('a, b and c differ in j and v')
    expect(difference(three, state([...row('1', 'x'), ...row('1', 'y')], [], []))).toBe('a has 2 rows with this key')
  })
})

describe('a reference', () => {
  const reference = shape(
    references('R', { child: { ...side('child'), by: ['a', 'b'] }, parent: { ...side('parent'), key: ['a', 'b'] } })
      .relation,
    ['a', 'b'],
  )
  it('holds with a parent, without a child, and when part of it is NULL', () => {
    expect(holds(reference, state([['1', '2']], [[]]))).toBe(true)
    expect(holds(reference, state([], []))).toBe(true)
    expect(holds(reference, state([['1', null]], []))).toBe(true)
    expect(holds(reference, state([['1', '2']], []))).toBe(false)
  })
})

describe('a correspondence', () => {
  const states = { left: { ...side('l'), state: 's' }, right: { ...side('r'), state: 's' } }
  it('without states wants both rows', () => {
    const both = shape(correspondsTo('C', states).relation)
    expect(
      [state([[]], [[]]), state([[]], []), state([], [[]]), state([], [])].map((each) => holds(both, each)),
    ).toEqual([true, false, false, true])
  })

  const listed = shape(
    correspondsTo('C', {
      ...states,
      allowed: [
        ['on', 'paid'],
        ['off', null],
      ],
    }).relation,
    ['state'],
  )

  it('with states allows just the listed pairs, null meaning no row', () => {
    const verdicts = [
      state([['on']], [['paid']]),
      state([['off']], []),
      state([['on']], []),
      state([], [['paid']]),
      state([], []),
      state([[null]], []),
      state([['on'], ['on']], [['paid']]),
    ]
    expect(verdicts.map((each) => holds(listed, each))).toEqual([true, true, false, false, true, false, false])
  })

  it('with states names the two that may not be together, also where they are equal', () => {
    const pairs = [state([['on']], [['on']]), state([['on']], []), state([[null]], [['paid']])]
    expect(pairs.map((each) => [difference(listed, each), differingColumns(listed, each)])).toEqual([
      [
        'l is in state on and r is in state on, which may not be together',
        [{ column: 'state', values: { l: 'on', r: 'on' } }],
      ],
      ['l is in state on and r does not have it, which may not be together', []],
      [
        'l is in state NULL and r is in state paid, which may not be together',
        [{ column: 'state', values: { l: null, r: 'paid' } }],
      ],
    ])
  })
})
