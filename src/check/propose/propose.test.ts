/** How well references are found again in generated schemas of many styles, cut into two and three. */
import { describe, expect, it } from 'vitest'
import { cuts, scoreOf, summaryOf, wholeReader } from '../../../test/propose/cut.ts'
import { generate } from '../../../test/propose/generate.ts'
import { schemas } from '../../../test/propose/schemas.ts'

const precisionMin = 0.9
const recallMin = 0.8

describe.each(Object.entries(schemas))('%s', (name, spec) => {
  it('nine in ten proposals are right, and eight in ten references across the cut are proposed', async () => {
    const whole = { ...generate(spec, 11), reader: wholeReader }
    const scores = []
    for (const cut of cuts) scores.push(await scoreOf(whole, cut))
    const { precision, recall, wrong, missed } = summaryOf(scores)
    console.info(`${name}: precision ${precision.toFixed(2)}, recall ${recall.toFixed(2)}`)
    expect({ precision, wrong }).toSatisfy(() => precision >= precisionMin)
    expect({ recall, missed }).toSatisfy(() => recall >= recallMin)
  })
})
