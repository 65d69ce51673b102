/** Checks across engines: PostgreSQL and MariaDB. */
import { expect } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { freshMariadb, testWithMariadb } from '../../test/support/mariadb.ts'
import { milliseconds } from '../base/base.ts'
import { agree, type Config, defineConfig, type Invariant, references, replicaOf } from '../invariant/invariant.ts'
import { check } from './check.ts'

async function world() {
  const [fresh, shop] = await Promise.all([freshDatabase(), freshMariadb()])
  const db = await fresh.connect()
  const configOf = (...invariants: Invariant[]): Config =>
    defineConfig({ sources: { user: { url: fresh.url }, shop: { url: shop.url } }, invariants })
  const keysFound = async (...invariants: Invariant[]) => {
    const report = await check(configOf(...invariants))
    expect(report.invariants.map(({ why }) => why)).toEqual(invariants.map(() => undefined))
    return report.findings.map(({ key }) => key)
  }
  return { db, shop, configOf, keysFound }
}

const soon = milliseconds(40)
const columns = ['name', 'email', 'paid', 'balance', 'active', 'data', 'ratio', 'token', 'born']
const customers = replicaOf('The shop knows every user', {
  owner: { source: 'user', table: 'users', key: 'id', columns },
  copy: { source: 'shop', table: 'customers', key: 'id', columns },
}).within(soon)

testWithMariadb(
  'a replica in MariaDB of every type that both engines have gives exactly the injected findings',
  async () => {
    const { db, shop, keysFound } = await world()
    await db.query(`create table users (id bigint primary key, name text, email varchar(80), paid timestamptz, balance numeric(12,4),
      active boolean, data jsonb, ratio float8, token uuid, born date);
    insert into users select i, 'Léarner 🙂 ' || i, case when i % 5 > 0 then 'u' || i || '@example.org' end,
      timestamptz '2026-01-01Z' + i * interval '1.123456 second', i * 1.5, i % 2 = 0,
      jsonb_build_object('score', i::numeric / 10, 'name', 'é', 'b', jsonb_build_array(1.50, null)), i / 3.0::float8, md5(i::text)::uuid,
      date '2000-01-01' + i::int from generate_series(-500, 1500) i`)
    const { rows } = await db.query<Record<string, unknown>>(
      `select id::text, name, email, to_char(paid at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as paid, balance::text, active::int,
       data::text, ratio::text, token::text, born::text from users`,
    )
    await shop.run(`create table customers (id int primary key, name varchar(80) character set utf8mb4 collate utf8mb4_unicode_ci,
    email varchar(80) character set latin1, paid datetime(3), balance decimal(14,2), active tinyint(1), data json, ratio double, token binary(16), born date)`)
    await shop.run('insert into customers values ?', [
      rows.map((row) => [
        ...Object.values(row).slice(0, 8),
        Buffer.from(String(row.token).replaceAll('-', ''), 'hex'),
        row.born,
      ]),
    ])
    expect(await keysFound(customers)).toEqual([])

    await shop.run(`update customers set name = upper(name) where id = 1; update customers set name = concat(name, ' ') where id = 2;
    update customers set email = null where id = 3; update customers set email = '' where id = 5; update customers set paid = paid + interval 10 minute where id in (6, 7);
    update customers set balance = balance + 0.01 where id = 8; update customers set active = 5 where id = 9; update customers set data = '{}' where id = 10;
    update customers set ratio = ratio + 0.000001 where id = 11; update customers set token = reverse(token) where id = 12;
    update customers set born = '0000-00-00' where id = 13; delete from customers where id in (-500, 14); insert into customers (id) values (2147483647)`)
    expect((await keysFound(customers)).sort()).toEqual(
      ['-500', '1', '10', '11', '12', '13', '14', '2', '2147483647', '3', '5', '6', '7', '8', '9'].sort(),
    )
  },
)

testWithMariadb(
  'text keys that a collation takes for one another are found apart, also with a query on one side',
  async () => {
    const { db, shop, keysFound } = await world()
    await db.query(
      `create table users (k text primary key, v int); insert into users values ('a', 1), ('A', 2), ('é', 3), ('a ', 4), ('x''\\y', 5)`,
    )
    await shop.run(`create table customers (k varchar(10) character set utf8mb4 collate utf8mb4_bin, v bigint);
    insert into customers values ('a', 1), ('A', 2), ('é', 3), ('a ', 4), ('x''\\\\y', 5)`)
    const same = agree(
      'Same',
      { source: 'user', table: 'users', key: 'k', columns: ['v'] },
      {
        source: 'shop',
        query: "select k, sum(v) as v from customers where k <> '#' group by cast(k as binary) -- by hand",
        key: 'k',
        columns: ['v'],
      },
    ).within(soon)
    expect(await keysFound(same)).toEqual([])
    await shop.run(`update customers set v = 9 where k = cast('a' as binary)`)
    await shop.run(`delete from customers where cast(k as binary) = 'a '`)
    await shop.run(`update customers set v = 9 where k = 'x''\\\\y'`)
    expect((await keysFound(same)).sort()).toEqual(['a', 'a ', "x'\\y"].sort())
  },
)

testWithMariadb('references are checked from either engine into the other', async () => {
  const { db, shop, keysFound } = await world()
  await db.query(`create table users (id bigint primary key); insert into users select generate_series(1, 3000);
    create table visits (id int primary key, shop_code text); insert into visits values (1, 'Oslo'), (2, 'oslo'), (3, null), (4, 'Rome')`)
  await shop.run(`create table orders (id int primary key, user_id varchar(20)); insert into orders select seq, seq from seq_1_to_3002;
    insert into orders values (9001, 'junk'), (9002, null);
    create table shops (code varchar(20) character set latin1 primary key); insert into shops values ('Oslo'), ('Rome ')`)
  const ofUsers = references('Every order is of a user', {
    child: { source: 'shop', table: 'orders', key: 'id', by: 'user_id' },
    parent: { source: 'user', table: 'users', key: 'id' },
  }).within(soon)
  const ofShops = references('Every visit is of a shop', {
    child: { source: 'user', table: 'visits', key: 'id', by: 'shop_code' },
    parent: { source: 'shop', table: 'shops', key: 'code' },
  }).within(soon)
  expect(await keysFound(ofUsers, ofShops)).toEqual(['3001', '3002', '9001', '2', '4'])
})

testWithMariadb(
  'a role without rights, a missing table and a source that is down are incomplete, never clean',
  async () => {
    const { db, shop, configOf } = await world()
    await db.query(`create table users (id int primary key)`)
    const config = configOf(
      agree(
        'Same',
        { source: 'user', table: 'users', key: 'id' },
        { source: 'shop', table: 'customers', key: 'id' },
      ).within(soon),
    )
    const report = await check(config)
    expect(report).toMatchObject({ incomplete: true, findings: [] })
    expect(report.invariants[0]?.why).toMatch(/source "shop": .*customers.*ER_NO_SUCH_TABLE 1146/)
    await shop.run(
      `create table customers (id int primary key); create user if not exists ${shop.name.slice(-20)}@'%' identified by 'hunter2'`,
    )
    const nobody = new URL(shop.url)
    nobody.username = shop.name.slice(-20)
    nobody.password = 'hunter2'
    const without = await check({ ...config, sources: { ...config.sources, shop: { url: nobody.href } } })
    await shop.run(`drop user ${shop.name.slice(-20)}@'%'`)
    expect(without.incomplete).toBe(true)
    expect(without.invariants[0]?.why).toMatch(/source "shop": .*(denied|let)/)
    expect(JSON.stringify(without)).not.toContain('hunter2')
  },
)
