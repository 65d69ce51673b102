/** Columns that are named by what somebody is or did there, `support_rep_id` or `created_by`: which tables hold who it was. */
import { isShortFor, type KeyName } from './words.ts'

/** Names of tables that hold people, by the roles that people have. English, and open to correction by the values. */
const people = new Set(
  'employee staff user person member worker personnel people contact account individual human associate operator guardian login'.split(
    ' ',
  ),
)
const roleHolders: readonly { readonly roles: ReadonlySet<string>; readonly holders: ReadonlySet<string> }[] = [
  {
    roles: new Set(
      `rep representative manager supervisor boss lead leader head chief director agent officer clerk cashier salesperson
       seller mother father guardian spouse deputy substitute owner author creator editor reviewer approver assignee reporter requester handler operator coordinator report
       created updated modified deleted approved assigned reviewed handled changed recorded entered signed issued prepared
       processed performed sold hired verified responsible contact driver technician salesman picker packer
       male female husband wife bride groom friend`.split(/\s+/),
    ),
    holders: people,
  },
  {
    roles: new Set(
      'doctor physician surgeon attending nurse therapist consultant referring admitting provider'.split(' '),
    ),
    holders: new Set([...people, ...'doctor physician practitioner provider clinician nurse'.split(' ')]),
  },
  {
    roles: new Set(
      'instructor teacher lecturer advisor adviser professor tutor dean chair mentor supervisor substitute'.split(' '),
    ),
    holders: new Set([...people, ...'instructor teacher faculty professor lecturer'.split(' ')]),
  },
  {
    roles: new Set(
      'buyer client payer payee purchaser shopper recipient bidder guest subscriber holder borrower debtor beneficiary'.split(
        ' ',
      ),
    ),
    holders: new Set([...people, ...'customer client buyer'.split(' ')]),
  },
  {
    roles: new Set('winner loser opponent challenger champion contender'.split(' ')),
    holders: new Set('player team club athlete competitor contestant participant'.split(' ')),
  },
  {
    roles: new Set('seller vendor merchant manufacturer producer maker'.split(' ')),
    holders: new Set('supplier vendor seller merchant manufacturer company brand'.split(' ')),
  },
]

/** What is done in the system itself is done by those who have an account there, also where other people are known. */
const accounts = new Set('user account operator login'.split(' '))
const systemDeeds = new Set(
  'created updated modified changed deleted edited entered recorded voided retired archived inserted uploaded posted creator modifier editor uploader author owner write create'.split(
    ' ',
  ),
)

/** What a row is to another of its own table. */
const kin = new Set(
  'parent child root ancestor previous prev next original origin predecessor successor superior'.split(' '),
)

/** What people do, which names them only beside another word: `created_by`, never `created`. */
const deeds = new Set(
  'report created updated modified deleted approved assigned reviewed handled changed recorded entered signed issued prepared processed performed sold hired verified responsible contact'.split(
    ' ',
  ),
)

/** Whether a column is named by what a row is to another of its table. */
export function isKin({ stem }: KeyName): boolean {
  return kin.has(stem.at(-1) ?? '')
}

/** Whether the holder of the role that a column is named by stands in a table: of a known role, or of one that sounds so. */
export function roleOf(
  { words: all, stem, hasKeyWord, hasLinkWord }: KeyName,
  head: string,
): 'account' | 'known' | 'agent' | undefined {
  const last = stem.at(-1) ?? ''
  const isLinked = hasKeyWord || hasLinkWord
  // Whatever was done, `done_by` and `done_by_id` name who did it.
  const isDone = hasLinkWord && all.slice(-2).includes('by') && /(?:ed|en|[mp]ade|ld|nt|id|ught)$/.test(last)
  if (isDone && isOneOf(head, people)) return systemDeeds.has(last) && accounts.has(head) ? 'account' : 'known'
  const words = isLinked ? stem : deeds.has(last) ? [] : [last]
  const isHeld = roleHolders.some(
    ({ roles, holders }) => words.some((word) => roles.has(word)) && isOneOf(head, holders),
  )
  if (isHeld) return systemDeeds.has(last) && accounts.has(head) ? 'account' : 'known'
  const isAgent = hasKeyWord && /(?:[^aeiou]er|[^aeiou]or|ee)$/.test(last)
  return isAgent && isOneOf(head, people) ? 'agent' : undefined
}

/** `emp` is one of the names of people as `employee` is. */
function isOneOf(word: string, names: ReadonlySet<string>): boolean {
  return names.has(word) || [...names].some((name) => isShortFor(word, name))
}
