/**
 * Which lanes a process should claim and which it should give up. Pure: every process decides alone from the same rows, and
 * the fence in the database settles who was first.
 */

/** A lane as stored. */
export interface LaneRow {
  readonly lane: number
  readonly owner: string | null
  readonly fence: number
}

export interface LaneDecision {
  readonly claim: readonly LaneRow[]
  readonly release: readonly number[]
}

/**
 * Shares lanes evenly over the living: each holds the rounded-down share, and the first few by id one more.
 *
 * Claims free lanes and those of the dead up to the share; gives up what is above it only when somebody living lacks a lane.
 */
export function decideLanes(lanes: readonly LaneRow[], living: ReadonlySet<string>, me: string): LaneDecision {
  const alive = [...new Set([...living, me])].sort()
  const share = Math.floor(lanes.length / alive.length)
  const extras = lanes.length % alive.length
  const fairShare = (id: string): number => share + (alive.indexOf(id) < extras ? 1 : 0)
  const held = (id: string): number => lanes.filter((lane) => lane.owner === id).length
  const mine = lanes.filter((lane) => lane.owner === me)
  const free = lanes.filter((lane) => lane.owner === null || !alive.includes(lane.owner))
  const want = Math.max(0, fairShare(me) - mine.length)
  const somebodyLacks = alive.some((id) => id !== me && held(id) < fairShare(id))
  const surplus = somebodyLacks && free.length === 0 ? Math.max(0, mine.length - fairShare(me)) : 0
  return { claim: free.slice(0, want), release: surplus === 0 ? [] : mine.slice(-surplus).map((lane) => lane.lane) }
}
