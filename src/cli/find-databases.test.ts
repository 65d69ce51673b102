/** Which databases a folder and its environment speak of. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { databasesOfEnvironment, databasesOfWords, suggestedDatabases } from './find-databases.ts'

const folder = mkdtempSync(join(tmpdir(), 'selvedge-find-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function folderOf(texts: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(folder, 'f-'))
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

it('arguments name their sources, or the database does', () => {
  expect(databasesOfWords(['users=postgres://h/a?x=y', 'mysql://h/order_history'])).toMatchObject([
    { name: 'users', url: 'postgres://h/a?x=y', variable: 'USERS_URL' },
    { name: 'orderHistory', variable: 'ORDER_HISTORY_URL' },
  ])
})

it.each([[['users=hunter2']], [['hunter2']], [['a=postgres://h/x', 'a=postgres://h/y']]])(
  'the arguments %j are refused without repeating them',
  (words) => {
    expect(() => databasesOfWords(words)).toThrow(expect.objectContaining({ code: 'cli/usage-database' }))
    expect(() => databasesOfWords(words)).not.toThrow(/hunter2/)
  },
)

it('the environment names sources by its variables, and only databases count', () => {
  const found = databasesOfEnvironment({
    ...{
      DATABASE_URL: 'postgres://h/shop',
      ORDER_ITEMS_DATABASE_URL: 'mysql://h/items',
      USER_URL: 'postgres://h/users',
    },
    ...{ API_URL: 'https://h/api', USER_DB: 'postgres://h/no', COPY_URL: 'postgres://h/shop' },
  })
  expect(found.map(({ name, variable }) => [name, variable])).toEqual([
    ['shop', 'DATABASE_URL'],
    ['orderItems', 'ORDER_ITEMS_DATABASE_URL'],
    ['user', 'USER_URL'],
  ])
})

it('files are suggestions, with the name of the service whose folder they are in', () => {
  const cwd = folderOf({
    '.env': 'export USERS_URL="postgres://h/users"\nSECRET=1\n',
    'docker-compose.yml': 'x:\n  BILLING_URL: mysql://root:s@db:3306/billing\n  OLD_URL: postgres://h/$' + '{DB}\n',
    'services/progress/.env': "DATABASE_URL='postgres://h/p'\n",
    'prisma/schema.prisma': 'datasource db {\n  // url = "postgres://h/old"\n  url = "postgres://h/catalog"\n}\n',
  })
  const found = suggestedDatabases(cwd, [])
  expect(found.map(({ name, variable, from }) => [name, variable, from])).toEqual([
    ['users', 'USERS_URL', '.env'],
    ['billing', 'BILLING_URL', 'docker-compose.yml'],
    ['catalog', 'DATABASE_URL', 'prisma/schema.prisma'],
    ['progress', 'PROGRESS_URL', 'services/progress/.env'],
  ])
  expect(suggestedDatabases(cwd, found)).toEqual([])
})
