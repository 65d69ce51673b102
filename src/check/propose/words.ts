/** Reads names of tables and columns as words, whatever their style: `OrderDetails`, `order_details`, `tbl_orderDetail`. */

/** Words that say "this is a key" and nothing about whose. */
const keyWords = new Set(
  'id ids key code cd no nr num number uuid guid ref reference fk pk sk oid identifier ident nbr handle slug'.split(
    ' ',
  ),
)
/** Words that join a row to what it refers to: `reports_to`, `created_by`, `ship_via`. */
export const linkWords = new Set('to by via for of from with at in on'.split(' '))
/** Words in front of a table's name that say what it is to the database, not to the business. */
const tableMarks = new Set('tbl tb tab table t vw dim fact fct stg raw app ref lkp lookup mst m'.split(' '))

/** Words behind it that say which of its tables holds the thing itself, not its parts: `claim_header`, `customer_master`. */
export const wholeMarks = new Set('header master main info information record list'.split(' '))

const irregular: Readonly<Record<string, string>> = {
  people: 'person',
  persons: 'person',
  children: 'child',
  men: 'man',
  women: 'woman',
  data: 'datum',
  media: 'medium',
  indices: 'index',
  statuses: 'status',
  analyses: 'analysis',
  taxes: 'tax',
  series: 'series',
  news: 'news',
  movies: 'movie',
  species: 'species',
  criteria: 'criterion',
  shelves: 'shelf',
  leaves: 'leaf',
  niches: 'niche',
  quizzes: 'quiz',
  cookies: 'cookie',
}

/** The words of a name in lower case: `SupportRepId` → support, rep, id. */
export function wordsOf(name: string): string[] {
  const last = name.slice(name.lastIndexOf('.') + 1).replaceAll('"', '')
  return last
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\d]+/u)
    .filter((word) => word !== '')
}

/** One of many: `categories` → category, `addresses` → address. */
export function singular(word: string): string {
  // `constructor` is a name that every object knows.
  if (Object.hasOwn(irregular, word)) return irregular[word]!
  if (word.length < 4) return word
  if (/ies$/.test(word)) return `${word.slice(0, -3)}y`
  // Buses and statuses end in `us`, warehouses and causes in `e`; so do sizes, but not quizzes; caches, but not batches.
  if (/(?:ss|sh|(?:[^a]|[eo]a)ch|x|zz|tz|[^aeo]us)es$/.test(word)) return word.slice(0, -2)
  if (/s$/.test(word) && !/(?:ss|us|is)$/.test(word)) return word.slice(0, -1)
  return word
}

/** What a table is about: its words without marks, each one of many. `shared` is the word that all tables begin with. */
export function entityOf(table: string, shared?: string): string[] {
  const words = wordsOf(table).map(singular)
  let rest = words
  while (rest.length > 1 && (rest[0] === shared || tableMarks.has(rest[0]!))) rest = rest.slice(1)
  // `uom_uom` is about what `uom` is about.
  return rest.filter((word, i) => word !== rest[i - 1])
}

/** A name read as a key: the words that say whose (`stem`), and whether a word says that it is one. */
export interface KeyName {
  readonly words: readonly string[]
  readonly stem: readonly string[]
  readonly hasKeyWord: boolean
  readonly hasLinkWord: boolean
}

/** Reads a column's name as the name of a key. `customerid` is read as customer, id; `club_id_2` as club, id. */
export function keyNameOf(column: string): KeyName {
  const words = wordsOf(column)
  let stem = unnumbered(words).map(singular)
  if (stem.length > 1 && (stem[0] === 'fk' || (stem[0] === 'id' && stem.length === 2))) stem = stem.slice(1)
  let hasKeyWord = stem.length < unnumbered(words).length
  let hasLinkWord = false
  // `from_account` and `to_account` are two accounts.
  if (stem.length > 1 && linkWords.has(stem[0]!)) {
    stem = stem.slice(1)
    hasLinkWord = true
  }
  while (stem.length > 0) {
    const last = stem.at(-1)!
    if (keyWords.has(last)) hasKeyWord = true
    else if (linkWords.has(last) && stem.length > 1) hasLinkWord = true
    else break
    stem = stem.slice(0, -1)
  }
  // `create_uid` is the id of a user; `uid` alone may be anything's.
  if (stem.at(-1) === 'uid' && stem.length > 1) {
    stem = [...stem.slice(0, -1), 'user']
    hasKeyWord = true
  }
  const glued = /^(.{3,})(id|key|code|no|num|uuid)$/.exec(stem.at(-1) ?? '')
  if (!hasKeyWord && glued !== null && !englishTails.has(stem.at(-1)!)) {
    stem = [...stem.slice(0, -1), singular(glued[1]!)]
    hasKeyWord = true
  }
  return { words, stem, hasKeyWord, hasLinkWord }
}

/** The words without what tells one of a pair from the other: `club_id_2`, `team1_id`, `person_b`. */
export function unnumbered(words: readonly string[]): string[] {
  const plain = words.map((word) => (/^\p{L}{3,}\d$/u.test(word) ? word.slice(0, -1) : word))
  const isMark = (word: string | undefined) => /^(?:\d|[ab])$/.test(word ?? '')
  if (plain.length > 1 && isMark(plain.at(-1))) return plain.slice(0, -1)
  if (plain.length > 2 && isMark(plain.at(-2)) && keyWords.has(plain.at(-1)!))
    return [...plain.slice(0, -2), plain.at(-1)!]
  return plain
}

/** Words that only look as if a key word were glued to their end; whole words, since `dormid` and `albumid` end in `mid`. */
const englishTails = new Set(
  `turkey monkey donkey hockey jockey casino piano volcano kimono domino android asteroid hybrid liquid fluid orchid pyramid
   invalid valid solid humid paid unpaid prepaid void avoid grid amid rapid acid covid barcode passcode postcode zipcode
   encode decode`.split(/\s+/),
)

/** The first word that nearly all names begin with, if there is one: `shop_orders`, `shop_customers`. */
export function sharedFirstWord(names: readonly string[]): string | undefined {
  if (names.length < 3) return undefined
  const counts = new Map<string, number>()
  for (const name of names) {
    const words = wordsOf(name).map(singular)
    if (words.length > 1) counts.set(words[0]!, (counts.get(words[0]!) ?? 0) + 1)
  }
  const [word, count] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? ['', 0]
  return count >= names.length * 0.8 ? word : undefined
}

/**
 * Whether one word is a short form of another: `emp` of employee, `dept` of department, `ship` of shipper.
 * Letters must stand in the same order from the first on; two letters say too little.
 */
export function isShortFor(short: string, long: string): boolean {
  if (short.length < 3 || short.length >= long.length || short[0] !== long[0]) return false
  if (long.startsWith(short)) return short.length >= 4 || short.length * 3 >= long.length
  // Inside a word only abbreviations that drop letters: every letter in order, and few vowels left.
  let at = 0
  for (const letter of long) if (letter === short[at]) at += 1
  const vowels = [...short.slice(1)].filter((letter) => 'aeiou'.includes(letter)).length
  return at === short.length && vowels <= 1 && short.length * 3 >= long.length && short[1] !== undefined
}

/** Whether a word is the other one, or short for it. */
export function isLike(word: string, of: string): boolean {
  return word === of || isShortFor(word, of)
}
