/** Sums of groups across databases, also across engines. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../../test/support/database.ts'
import { freshMariadb, testWithMariadb } from '../../test/support/mariadb.ts'
import { milliseconds } from '../base/base.ts'
import { type Config, conserves, type SummedDeclaration } from '../invariant/invariant.ts'
import type { Database } from '../store/store.ts'
import { check } from './check.ts'

let fresh: readonly [FreshDatabase, FreshDatabase]
let payment: Database
let enrollment: Database

beforeEach(async () => {
  fresh = await Promise.all([freshDatabase(), freshDatabase()])
  ;[payment, enrollment] = await Promise.all([fresh[0].connect(), fresh[1].connect()])
  await payment.query(`create table payments(id int primary key, course text, kind text, amount numeric(12,2));
    insert into payments select i, 'course-' || i % 5, 'capture', 10.50 from generate_series(1, 100) i`)
})
afterEach(async () => {
  await Promise.all(fresh.map((database) => database.drop()))
})

const captured: SummedDeclaration = {
  source: 'payment',
  table: 'payments',
  key: 'course',
  sum: "case kind when 'refund' then -amount else amount end",
}
const sold: SummedDeclaration = { source: 'enrollment', table: 'seats', key: 'course', sum: 'price' }
const seats = `create table seats(id int primary key, course varchar(20), price numeric(14,4))`
const configOf = (url: string, ...sides: SummedDeclaration[]): Config => ({
  sources: { payment: { url: fresh[0].url }, enrollment: { url } },
  invariants: [conserves('Captured is sold', ...sides).within(milliseconds(50))],
})

describe('what is conserved', () => {
  it('is equal group by group, whatever the rows behind it, and a group of nothing may be absent', async () => {
    await enrollment.query(`${seats}; insert into seats select i, 'course-' || i, 210 from generate_series(0, 4) i`)
    await payment.query(`insert into payments values (201, 'course-9', 'capture', 5), (202, 'course-9', 'refund', 5)`)
    expect((await check(configOf(fresh[1].url, captured, sold))).findings).toEqual([])

    await payment.query(`insert into payments values (203, 'course-2', 'refund', 0.01)`)
    await enrollment.query(`update seats set price = null where id = 4`)
    const { findings } = await check(configOf(fresh[1].url, captured, sold))
    expect(findings.map(({ key }) => key)).toEqual(['course-2', 'course-4'])
    expect(findings[0]?.columns).toEqual([
      { column: 'sum', values: { 'payment.payments': '209.99', 'enrollment.seats': '210' } },
    ])
  })

  it('is summed up by groups that no collation takes for one another', async () => {
    await enrollment.query(`create collation lax (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create table seats(id int primary key, course text collate lax, price int);
      insert into seats values (1, 'Course', 10), (2, 'COURSE', 20)`)
    await payment.query(
      `truncate payments; insert into payments values (1, 'Course', 'capture', 10), (2, 'COURSE', 'capture', 20)`,
    )
    expect((await check(configOf(fresh[1].url, captured, sold))).findings).toEqual([])
    await enrollment.query('update seats set price = 30 - price')
    const { findings } = await check(configOf(fresh[1].url, captured, sold))
    expect(findings.map(({ key }) => key)).toEqual(['COURSE', 'Course'])
  })

  testWithMariadb('is summed up by groups that no collation of MariaDB takes for one another', async () => {
    const { url, run } = await freshMariadb()
    await run(`create table seats(id int primary key, course varchar(20) collate utf8mb4_general_ci, price int);
      insert into seats values (1, 'course', 10), (2, 'COURSE', 20), (3, 'cöurse', 5), (4, 'course ', 1)`)
    await payment.query(`truncate payments; insert into payments values (1, 'course', 'capture', 10), (2, 'COURSE', 'capture', 20),
      (3, 'cöurse', 'capture', 5), (4, 'course ', 'capture', 1)`)
    expect((await check(configOf(url, captured, sold))).findings).toEqual([])
    await run('update seats set price = 30 - price where id < 3')
    const { findings } = await check(configOf(url, captured, sold))
    expect(findings.map(({ key }) => key)).toEqual(['COURSE', 'course'])
  })

  it('is one sum over all rows where no key is given', async () => {
    await enrollment.query(`${seats}; insert into seats values (1, 'x', 1050)`)
    const [all, other] = [captured, sold].map(({ key: _, ...side }) => side as SummedDeclaration)
    expect((await check(configOf(fresh[1].url, all!, other!))).findings).toEqual([])
    await enrollment.query(`delete from seats`)
    expect((await check(configOf(fresh[1].url, all!, other!))).findings).toMatchObject([
      { key: 'all', absent: ['enrollment.seats'] },
    ])
  })

  testWithMariadb('is summed up of numbers only: a text is named with the way out, on both engines', async () => {
    const { url, run } = await freshMariadb()
    await run(`create table seats(id int primary key, course varchar(20), price varchar(20), paid tinyint(1));
      insert into seats values (1, 'course-1', '210', 1), (2, 'course-2', '2ten', 1)`)
    await payment.query('alter table payments add note text, add is_new bool')
    const reportOf = async (left: SummedDeclaration, right: SummedDeclaration) => {
      const { invariants, findings } = await check(configOf(url, left, right))
      expect(findings).toEqual([])
      return [invariants[0]?.why, invariants[0]?.help]
    }
    const right = { ...sold, sum: 'cast(price as decimal(20,4))' }
    expect(await reportOf({ ...captured, sum: 'note' }, right)).toEqual([
      'source "payment": note of payment.payments is of type text, of which there is no sum.',
      'Sum up a number: `sum: "(note)::numeric"`, or another column.',
    ])
    expect((await reportOf({ ...captured, sum: 'is_new' }, right))[0]).toContain(
      'is_new of payment.payments is of type bool',
    )
    expect(await reportOf(captured, sold)).toEqual([
      'source "enrollment": price of enrollment.seats is of type varchar, of which there is no sum.',
      'Sum up a number: `sum: "cast(price as decimal(20,4))"`, or another column.',
    ])
    const cast = { ...sold, sum: { price: 'cast(price as decimal(20,4))', paid: 'paid' } }
    const ones = { ...captured, sum: { price: 'amount', paid: '1' } }
    const { findings, incomplete } = await check(configOf(url, ones, cast))
    expect([incomplete, findings.map(({ key }) => key)]).toEqual([
      false,
      ['course-0', 'course-1', 'course-2', 'course-3', 'course-4'],
    ])
  })

  testWithMariadb('is conserved across engines as well', async () => {
    const { url, run } = await freshMariadb()
    await run(seats)
    await run(`insert into seats select seq, concat('course-', seq mod 5), 10.5 from seq_1_to_100`)
    expect((await check(configOf(url, captured, sold))).findings).toEqual([])
    await run('delete from seats where id = 7')
    expect((await check(configOf(url, captured, sold))).findings.map(({ key }) => key)).toEqual(['course-2'])
  })
})
