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

const linesSql = `create table journal_line (journal_id int, line_no smallint, primary key (journal_id, line_no));
  insert into journal_line select i / 3, i % 3 from generate_series(3, ${rows}) i; analyze journal_line`
const claimsSql = `create table claim (id int primary key, journal_id int, line_no int);
  insert into claim select i, i * 7 % 9999 + 1, case when i % 25 = 0 then 9 else i % 3 end from generate_series(1, ${rows}) i; analyze claim`
/** Whatever the sample held of each side: one in 25 is not there. */
const claims =
  /^9[56](?:\.\d)? % of claims\.claim\.\(journal_id, line_no\) are in journal\.journal_line\.\(journal_id, line_no\); \d+ are not, such as \("\d+", "9"\)/

it('keys of two columns are looked up where the table is too large to be read whole', async () => {
  const [journal, other] = [await freshDatabase(), await freshDatabase()]
  await (await journal.connect()).query(linesSql)
  await (await other.connect()).query(claimsSql)
  const surveys = [await surveyPostgres('journal', journal.url), await surveyPostgres('claims', other.url)]
  expect(await proposalsOf(surveys)).toEqual({ references: [expect.stringMatching(claims)], twins: [] })
})

/** Rows from a sequence table, and statistics, as MariaDB takes them. */
const onMariadb = (sql: string) =>
  sql
    .replace(/from generate_series\((\d+), (\d+)\) i/, 'from (select seq as i from seq_$1_to_$2) s')
    .replace(/analyze (?=\w+$)/, 'analyze table ')

testWithMariadb('so they are on MariaDB', async () => {
  const [journal, other] = [await freshMariadb(), await freshDatabase()]
  await journal.run(onMariadb(linesSql).replace('i / 3', 'i div 3'))
  await (await other.connect()).query(claimsSql)
  const surveys = [await surveyMysql('journal', journal.url), await surveyPostgres('claims', other.url)]
  expect(await proposalsOf(surveys)).toEqual({ references: [expect.stringMatching(claims)], twins: [] })
})

const placesSql = `create table place (code varchar(12) primary key, serial_no int not null unique, label varchar(40));
  insert into place select 'P' || i, i, 'label ' || i from generate_series(1, 50000) i; analyze place`
/** `residence` holds 180 numbers of places, evenly from all over them, and `paces` as many of which none is high. */
const crewsSql = `create table crew (iso char(4) primary key, residence int not null, paces int not null);
  insert into crew select 'C' || i, i * 30803 % 50000 + 1, i * i + 1 from generate_series(1, 180) i`

async function sureOf(surveys: readonly Surveyed[]) {
  try {
    const tables = surveys.flatMap((one) => one.tables)
    const { references } = await propose(tables, readerOf(surveys))
    return references.filter(({ confidence }) => confidence === 'sure').map(referenceEvidence)
  } finally {
    for (const one of surveys) await one.close()
  }
}

const residences =
  '100 % of crews.crew.residence are in places.place.serial_no (180 rows), which chance would not do, though the name says nothing'

it('keys drawn from all over a large table are told by its first and last key, whatever the column is called', async () => {
  const [places, crews] = [await freshDatabase(), await freshDatabase()]
  await (await places.connect()).query(placesSql)
  await (await crews.connect()).query(crewsSql)
  const surveys = [await surveyPostgres('places', places.url), await surveyPostgres('crews', crews.url)]
  expect(await sureOf(surveys)).toEqual([residences])
})

testWithMariadb('so they are on MariaDB', async () => {
  const [places, crews] = [await freshMariadb(), await freshDatabase()]
  await places.run(
    onMariadb(placesSql).replace("'P' || i", "concat('P', i)").replace("'label ' || i", "concat('label ', i)"),
  )
  await (await crews.connect()).query(crewsSql)
  const surveys = [await surveyMysql('places', places.url), await surveyPostgres('crews', crews.url)]
  expect(await sureOf(surveys)).toEqual([residences])
})

it('tables whose rows were made at the same times are no copies of each other', async () => {
  const [people, sales] = [await freshDatabase(), await freshDatabase()]
  const made = `timestamp '2020-01-01' + i * interval '1 day'`
  await (await people.connect()).query(`create table person (party_id int primary key, salt text, made_at timestamp);
    insert into person select i, md5(i::text), ${made} from generate_series(1, 60) i`)
  await (
    await sales.connect()
  ).query(`create table seller_person (party_id int primary key, quota int, made_at timestamp);
    insert into seller_person select i, i * 37, ${made} from generate_series(20, 40) i`)
  const surveys = [await surveyPostgres('people', people.url), await surveyPostgres('sales', sales.url)]
  const { references, twins } = await propose(
    surveys.flatMap(({ tables }) => tables),
    readerOf(surveys),
  )
  for (const one of surveys) await one.close()
  expect(twins).toEqual([])
  expect(references.map(referenceEvidence)).toEqual([
    '100 % of sales.seller_person.party_id are in people.person.party_id (21 rows)',
  ])
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
