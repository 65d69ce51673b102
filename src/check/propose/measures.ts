/** Names of columns that count, measure or describe: what stands there is no key, though it may be equal to one. */
import { type KeyName, singular, unnumbered, wordsOf } from './words.ts'

/** Last words of columns that count, measure, order or flag: such numbers hit any counted key. */
const measures = new Set(
  `count quantity qty amount total sum price cost fee rate level position rank order sort sequence seq year month day week hour
   minute second age score rating size weight height width length depth duration percent percentage discount balance
   stock limit max min version points credits capacity budget salary value index priority stars flag enabled active
   latitude longitude attempt attempts retries port floor page pages copies seats`.split(/\s+/),
)

/** What describes a thing without being its key, even where it is unique. */
const descriptions = new Set(
  'name title email mail phone fax mobile address street city state country region zip postcode description label url website comment note notes status gender currency language locale timezone'.split(
    ' ',
  ),
)

/** First words of columns that count or flag, as `total_orders` and `is_customer`. */
const counters = new Set('is has was can may did num number count total max min avg sum open'.split(' '))
/** Words before what something is counted in or by: `units_in_stock`, `price_per_unit`. */
const inners = new Set('in on per of at with'.split(' '))

const periods = new Set('year month quarter week day date semester term season'.split(' '))

/** Whether a column says when: `year`, `fiscal_year`. */
export function isPeriod(column: string): boolean {
  return periods.has(wordsOf(column).at(-1) ?? '')
}

/** Whether a column without a word for a key is named as what measures or describes a thing. */
export function isMeasure({ words, hasKeyWord, hasLinkWord }: KeyName): boolean {
  const last = unnumbered(words).at(-1) ?? ''
  return !hasKeyWord && !hasLinkWord && (measures.has(last) || descriptions.has(last))
}

/** Whether a number without a word for a key says how many: `orders`, `units_on_order`, `total_orders`. */
export function isCount({ words, hasKeyWord, hasLinkWord }: KeyName): boolean {
  if (hasKeyWord || hasLinkWord) return false
  const [first, last] = [words[0] ?? '', unnumbered(words).at(-1) ?? '']
  return (
    singular(last) !== last ||
    (words.length > 1 && counters.has(first)) ||
    words.slice(0, -1).some((word) => inners.has(word))
  )
}
