/** How well the foreign keys of databases that others wrote are found again, once they are cut and the keys are gone. */
import { expect } from 'vitest'
import { cutsOf, poorCuts, scoreOf, summaryOf } from '../../../test/propose/cut.ts'
import { freshDatabase } from '../../../test/support/database.ts'
import { freshMariadb, testWithMariadb } from '../../../test/support/mariadb.ts'
import { hasSamples, loadSample, sampleSql, testWithSamples } from '../../../test/support/samples.ts'
import type { Surveyed } from './survey.ts'
import { surveyMysql } from './survey-mysql.ts'
import { surveyPostgres } from './survey-postgres.ts'

const floor = { precision: 0.9, recall: 0.8 }

async function isFoundAgain(name: string, whole: Surveyed) {
  try {
    const references = whole.tables.flatMap((table) =>
      table.foreignKeys.map((key) => ({ table: table.name, columns: key.columns, parent: key.table })),
    )
    expect(references.length).toBeGreaterThan(10)
    const scores = []
    for (const cut of cutsOf(40)) scores.push(await scoreOf({ tables: whole.tables, references, reader: whole }, cut))
    const { precision, recall } = summaryOf(scores)
    console.info(`${name}: precision ${precision.toFixed(2)}, recall ${recall.toFixed(2)}`)
    expect(poorCuts(scores, floor)).toEqual([])
  } finally {
    await whole.close()
  }
}

testWithSamples.each(['chinook', 'northwind'] as const)(
  'of each cut of %s into two or three, nine in ten proposals are right and eight in ten references are found',
  async (name) => {
    const { url } = await freshDatabase()
    await loadSample(name, url)
    await isFoundAgain(name, await surveyPostgres('all', url))
  },
)

const testWithBoth = hasSamples ? testWithMariadb : testWithSamples

testWithBoth('so they are of chinook on MariaDB', async () => {
  const { url, run } = await freshMariadb()
  await run(sampleSql('chinook-mysql'))
  await isFoundAgain('chinook (MariaDB)', await surveyMysql('all', url))
})
