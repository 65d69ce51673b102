/** Says in one line why something is proposed. */
import { thousands } from '../../base/counted.ts'
import { nameScore } from './decide-name-match.ts'
import type { ProposedReference } from './decide-references.ts'
import { shareOf } from './decide-references.ts'
import type { ProposedTwin } from './decide-replicas.ts'
import { partsOf, type SurveyTable } from './survey.ts'

/** `99.8 % of progress.user_id are in user.users.id; 14 are not (of 7,000 rows), as 412`. */
export function referenceEvidence(one: ProposedReference): string {
  const child = `${placeOf(one.table)}.${columnsText(one.columns)}`
  const parent = `${placeOf(one.parent.table)}.${columnsText(one.parent.columns)}`
  if (one.asked === 0) return nameEvidence(one, child, parent)
  const byRows = one.rowsFound / one.rowsAsked >= one.found / one.asked
  const [asked, found] = byRows ? [one.rowsAsked, one.rowsFound] : [one.asked, one.found]
  const what = `${thousands(asked)} ${one.table.isWhole ? '' : 'sampled '}${byRows ? 'rows' : 'values'}`
  const missing = asked - found
  const examples = one.examples.map((value) => exampleText(value, one.columns.length)).join(', ')
  const rest =
    missing === 0
      ? `(${what})`
      : `; ${thousands(missing)} ${missing === 1 ? 'is' : 'are'} not, such as ${examples} (of ${what})`
  return `${percent(shareOf(one))} of ${child} are in ${parent}${missing === 0 ? ' ' : ''}${rest}${valueEvidence(one)}`
}

/** What is said where the values decided, since the name could not. */
function valueEvidence({ confidence, name, isSpread }: ProposedReference): string {
  if (confidence === 'doubtful' || name >= nameScore.role) return ''
  if (name === nameScore.beginning && isSpread) return ', and from all over it, though the name says little'
  return ', which chance would not do, though the name says nothing'
}

/** What is said where no value could be looked up: that it is a name and a type, and nothing more. */
function nameEvidence({ confidence, table, parent }: ProposedReference, child: string, of: string): string {
  const empty = [table, parent.table].filter(({ rows }) => rows === 0).map(placeOf)
  const nothing = `every ${table.isWhole ? '' : 'sampled '}row has NULL there`
  const why = empty.length === 0 ? nothing : `no row is in ${empty.join(' and ')}`
  const what = confidence === 'sure' ? 'name and type' : 'name'
  return `${child} has the ${what} of ${of}, and nothing else says it: ${why}`
}

/** `user_id`, or `(order_id, line_no)`. */
export function columnsText(columns: readonly string[]): string {
  return columns.length === 1 ? columns[0]! : `(${columns.join(', ')})`
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

function exampleText(value: string, count: number): string {
  const parts = partsOf(value, count).map((part) => JSON.stringify(part.slice(0, 40)))
  return count === 1 ? parts[0]! : `(${parts.join(', ')})`
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
