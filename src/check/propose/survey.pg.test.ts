/** Tables too large to be read whole: samples and look-ups, on both engines, by a role that may only read. */
import { expect, it } from 'vitest'
import { freshDatabase } from '../../../test/support/database.ts'
import { freshMariadb, testWithMariadb } from '../../../test/support/mariadb.ts'
import { referenceEvidence, twinEvidence } from './evidence.ts'
import { propose, readerOf } from './propose.ts'
import { type Surveyed, sampleRowsMax } from './survey.ts'
import { surveyMysql } from './survey-mysql.ts'
import { surveyPostgres } from './survey-postgres.ts'

const rows = 60_000

const ownersSql = `create table account (id int primary key, label varchar(40));
  insert into account select i, 'label ' || i from generate_series(1, ${rows}) i; analyze account`
const childrenSql = `create table posting (id int primary key, account_id int not null, kind_id int);
  insert into posting select i, case when i % 50 = 0 then ${rows} + i else i * 7 % ${rows} + 1 end, i % 3 + 1 from generate_series(1, ${rows}) i;
  create table account_copy (account_id int primary key, label varchar(40));
  insert into account_copy select i, 'label ' || i from generate_series(1, ${rows}) i; analyze posting; analyze account_copy`

async function proposalsOf(surveys: readonly Surveyed[]) {
  try {
    const tables = surveys.flatMap((one) => one.tables)
    expect(tables.map(({ isWhole }) => isWhole)).not.toContain(true)
    for (const { sample } of tables)
      for (const values of sample.values()) expect(values.length).toBeLessThanOrEqual(sampleRowsMax + 1)
    const { references, twins } = await propose(tables, readerOf(surveys))
    return { references: references.map(referenceEvidence), twins: twins.map(twinEvidence) }
  } finally {
    for (const one of surveys) await one.close()
  }
}

const reference =
  /^9\d(?:\.\d)? % of books.posting.account_id are in accounts.account.id; [\d,]+ are not, such as .* sampled (?:rows|values)\)$/
const copy =
  /^100 % of the keys of books.account_copy are in accounts.account; label agrees in all common rows compared$/

it('large tables of PostgreSQL are sampled, and copies and references are found in the samples', async () => {
  const [accounts, books] = [await freshDatabase(), await freshDatabase()]
  await (await accounts.connect()).query(ownersSql)
  await (await books.connect()).query(childrenSql)
  const surveys = [await surveyPostgres('accounts', accounts.url), await surveyPostgres('books', books.url)]
  expect(await proposalsOf(surveys)).toEqual({
    references: [expect.stringMatching(reference)],
    twins: [expect.stringMatching(copy)],
  })
})

testWithMariadb('so are those of MariaDB, between the engines', async () => {
  const [accounts, books] = [await freshDatabase(), await freshMariadb()]
  await (await accounts.connect()).query(ownersSql)
  await books.run(
    childrenSql
      .replaceAll('generate_series', 'seq')
      .replace(/from seq\(1, (\d+)\) i/g, 'from (select seq as i from seq_1_to_$1) s')
      .replace("'label ' || i", "concat('label ', i)")
      .replaceAll(/analyze (\w+)/g, 'analyze table $1'),
  )
  const surveys = [await surveyPostgres('accounts', accounts.url), await surveyMysql('books', books.url)]
  expect(await proposalsOf(surveys)).toEqual({
    references: [expect.stringMatching(reference)],
    twins: [expect.stringMatching(copy)],
  })
})

it('a table that the role may not read is named, and the others are surveyed', async () => {
  const fresh = await freshDatabase()
  const db = await fresh.connect()
  const role = `survey_${fresh.name}`
  await db.query(`create table open (id int primary key); create table closed (id int primary key);
    create role "${role}" login password 'x'; grant select on open to "${role}"`)
  const url = new URL(fresh.url)
  url.username = role
  url.password = 'x'
  const survey = await surveyPostgres('a', url.href)
  await survey.close()
  try {
    expect(survey.tables.map(({ name }) => name)).toEqual(['open'])
    expect(survey.unread).toEqual([{ table: 'closed', why: 'the role may not read it' }])
  } finally {
    await db.query(`drop owned by "${role}"; drop role "${role}"`)
  }
})
