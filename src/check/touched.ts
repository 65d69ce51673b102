/**
 * Which keys were touched of late, as the owner's log tells: checking only these takes milliseconds, so it can be done
 * every minute. What was written without an event is not among them: a full check has to follow now and then.
 */
import { keyParts } from '../invariant/invariant.ts'
import { quoteIdentifier } from '../store/store.ts'
import type { Comparison } from './comparison.ts'
import type { Keys } from './images.ts'
import type { Positions } from './positions/positions.ts'

/** More touched keys than this are no longer few: the bucket scan is cheaper. */
export const touchedMax = 50_000

/**
 * The keys with an event in the last `seconds`; undefined when the log cannot tell, because its keys are tied to
 * streams by a function of yours, because it does not reach back so far, or because there are too many.
 */
export async function touchedKeys(
  { invariant, readers }: Comparison,
  { owner }: Positions,
  seconds: number,
): Promise<Keys | undefined> {
  const [entity, parts] = [invariant.entity, readers[0]?.key.length ?? 1]
  if (entity === undefined || invariant.link?.streamOf('key') !== `${entity}/key`) return undefined
  const s = quoteIdentifier(owner.source.schema)
  const prefix = `${entity}/`
  return owner.source.read(async (snapshot) => {
    // Visible now and not in that tick, as readers ask: by seq from its floor on, an index range however long the log is.
    const { rows: ticks } = await snapshot.query<{ floor: string; snapshot: string }>(
      `select floor_seq::text as floor, snapshot::text from ${s}.tick where at < ${s}.now() - make_interval(secs => $1)
       order by id desc limit 1`,
      [seconds],
    )
    const [tick] = ticks
    if (tick === undefined) return undefined
    const { rows } = await snapshot.query<{ stream: string }>(
      `select distinct stream from ${s}.log
       where seq > $1 and not pg_visible_in_snapshot(xid, $2::pg_snapshot) and starts_with(stream, $3) limit ${touchedMax + 1}`,
      [tick.floor, tick.snapshot, prefix],
    )
    if (rows.length > touchedMax) return undefined
    return rows.map(({ stream }) => keyParts(stream.slice(prefix.length), parts))
  })
}
