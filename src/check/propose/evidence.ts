/** Says in one line why something is proposed. */
import type { ProposedReference } from './decide-references.ts'
import { shareOf } from './decide-references.ts'
import type { ProposedTwin } from './decide-replicas.ts'
import type { SurveyTable } from './survey.ts'

/** `99.8 % of progress.user_id are in user.users.id; 14 are not (of 7,000 rows), as 412`. */
export function referenceEvidence(one: ProposedReference): string {
  const child = `${placeOf(one.table)}.${one.column}`
  const parent = `${placeOf(one.parent.table)}.${one.parent.column}`
  if (one.asked === 0) return `${child} is named after ${parent}, but no row has a value`
  const byRows = one.rowsFound / one.rowsAsked >= one.found / one.asked
  const [asked, found] = byRows ? [one.rowsAsked, one.rowsFound] : [one.asked, one.found]
  const what = `${asked.toLocaleString('en-US')} ${one.table.isWhole ? '' : 'sampled '}${byRows ? 'rows' : 'values'}`
  const missing = asked - found
  const examples = one.examples.map((value) => JSON.stringify(value.slice(0, 40))).join(', ')
  const rest =
    missing === 0
      ? `(${what})`
      : `; ${missing.toLocaleString('en-US')} ${missing === 1 ? 'is' : 'are'} not, such as ${examples} (of ${what})`
  return `${percent(shareOf(one))} of ${child} are in ${parent}${missing === 0 ? ' ' : ''}${rest}`
}

/** `100 % of the keys of progress.learners are in user.users; email agrees in all 200 common rows compared, name in 198`. */
export function twinEvidence({ first, second, overlap, columns }: ProposedTwin): string {
  const place = `${percent(overlap.second)} of the keys of ${placeOf(second.table)} are in ${placeOf(first.table)}`
  const whole = columns.filter(({ agreed, compared }) => agreed === compared).map((pair) => pair.second)
  const rest = columns.filter(({ agreed, compared }) => agreed < compared)
  const parts = [
    ...(whole.length === 0
      ? []
      : [`${whole.join(', ')} ${whole.length === 1 ? 'agrees' : 'agree'} in all common rows compared`]),
    ...rest.map((pair) => `${pair.second} agrees in ${pair.agreed} of ${pair.compared}`),
  ]
  return `${place}; ${parts.join(', ')}`
}

/** A table with its source. */
export function placeOf({ source, name }: SurveyTable): string {
  return `${source}.${name}`
}

/** Cut, not rounded: 100 % means all of them. */
function percent(share: number): string {
  const tenths = Math.floor(share * 1_000 + 1e-9) / 10
  return `${Number.isInteger(tenths) ? tenths : tenths.toFixed(1)} %`
}
