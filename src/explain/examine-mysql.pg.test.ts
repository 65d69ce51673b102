/** What the doctor says of MySQL and MariaDB. */
import { expect, it } from 'vitest'
import { freshMariadb, testWithMariadb } from '../../test/support/mariadb.ts'
import { type Config, references } from '../invariant/invariant.ts'
import { examineMysql } from './examine-mysql.ts'

testWithMariadb('names missing tables, rights and indexes of MariaDB', async () => {
  const { url, run } = await freshMariadb()
  await run(`create table big (id int primary key, owner_id int); insert into big select seq, seq from seq_1_to_20000;
    analyze table big`)
  const config: Config = {
    sources: { shop: { url } },
    invariants: [
      references('A', {
        child: { source: 'shop', table: 'big', key: 'id', by: 'owner_id' },
        parent: { source: 'shop', table: 'gone', key: 'id' },
      }),
    ],
  }
  expect(await examineMysql('shop', url, config)).toMatchObject({
    symptoms: [
      { code: 'doctor/no-table', message: 'There is no table gone in shop.' },
      { code: 'doctor/no-index', help: 'Run there: create index `by_owner_id` on `big` (`owner_id`)' },
    ],
    server: expect.stringMatching(/^(?:mariadb|mysql) \d/),
  })
})

it('a server that is down is no symptom but unread', async () => {
  const empty: Config = { sources: {}, invariants: [] }
  await expect(examineMysql('shop', 'mysql://root@127.0.0.1:1/shop', empty)).rejects.toMatchObject({
    code: 'check/mysql-unreachable',
  })
})
