/** How well the foreign keys of databases that others wrote are found again, once they are cut and the keys are gone. */
import { expect } from 'vitest'
import { cuts, scoreOf, summaryOf } from '../../../test/propose/cut.ts'
import { freshDatabase } from '../../../test/support/database.ts'
import { loadSample, testWithSamples } from '../../../test/support/samples.ts'
import { surveyPostgres } from './survey-postgres.ts'

const precisionMin = 0.9
const recallMin = 0.8

testWithSamples.each(['chinook', 'northwind'] as const)(
  'of %s, cut into two and three, nine in ten proposals are right and eight in ten references are found',
  async (name) => {
    const { url } = await freshDatabase()
    await loadSample(name, url)
    const whole = await surveyPostgres('all', url)
    try {
      const references = whole.tables.flatMap((table) =>
        table.foreignKeys.map((key) => ({ table: table.name, column: key.columns[0]!, parent: key.table })),
      )
      expect(references.length).toBeGreaterThan(10)
      const scores = []
      for (const cut of cuts) scores.push(await scoreOf({ tables: whole.tables, references, reader: whole }, cut))
      const { precision, recall, recallShown, wrong, missed } = summaryOf(scores)
      const shown = recallShown.toFixed(2)
      console.info(
        `${name}: precision ${precision.toFixed(2)}, recall ${recall.toFixed(2)} (${shown} with commented-out)`,
      )
      expect({ precision, wrong }).toSatisfy(() => precision >= precisionMin)
      expect({ recall, missed }).toSatisfy(() => recall >= recallMin)
    } finally {
      await whole.close()
    }
  },
)
