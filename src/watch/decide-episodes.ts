/**
 * How findings of one run relate to those before: opened, changed, ongoing, resolved, flapping.
 *
 *     absent --found--> open --found with another verdict--> open (changed)
 *                       open --looked at, not found--> closed (resolved) --found within a day, three times--> flapping
 *                       open --not looked at--> open (unseen)
 *
 * A key is only resolved by a run that could look at it: not by one that is incomplete, nor by one in which keys of the
 * invariant kept changing, for it may be one of those.
 */
import type { Report } from '../check/check.ts'
import type { Finding } from '../invariant/invariant.ts'
import { type Episode, type EpisodeEvent, episodeId, type RunRecord } from './record.ts'

/** Episodes by `episodeId`, open ones and those that closed within a day. */
export type Episodes = ReadonlyMap<string, Episode>

/** A person looks at what comes and goes at most once a day. */
const flapWindowMs = 24 * 3_600_000

/** Twice is a repair that did not hold; three times within a day is a pattern. */
const openingsOfFlapping = 3

/** What happened to episodes in a run. */
export interface EpisodesDecision {
  readonly events: readonly EpisodeEvent[]
  readonly unseen: readonly string[]
}

/** What a run is compared with. */
export interface EpisodesFacts {
  readonly episodes: Episodes
  readonly nowMs: number
  /** When the last whole check of an invariant began: what is found now was not there then. */
  readonly lastWholeMs: (invariant: string) => number | undefined
}

/** Compares the findings of a report with the episodes before it. */
export function decideEpisodes(report: Report, facts: EpisodesFacts): EpisodesDecision {
  const found = new Map(report.findings.map((finding) => [episodeId(finding), finding]))
  const accepted = new Set(report.accepted.map(episodeId))
  const looked = new Map(report.invariants.map((invariant) => [invariant.name, invariant]))
  const began = [...found].flatMap(([id, finding]) => beginningOf(finding, facts.episodes.get(id), facts))
  const ended: EpisodeEvent[] = []
  const unseen: string[] = []
  for (const [id, episode] of facts.episodes) {
    const invariant = looked.get(episode.invariant)
    if (episode.closedAtMs !== undefined || invariant === undefined || found.has(id)) continue
    if (accepted.has(id)) ended.push(endOf(episode, 'accepted', facts.nowMs))
    else if (invariant.state === 'incomplete' || invariant.inconclusive > 0) unseen.push(id)
    else ended.push(endOf(episode, 'agrees', facts.nowMs))
  }
  return { events: [...began, ...ended], unseen }
}

function beginningOf(finding: Finding, before: Episode | undefined, facts: EpisodesFacts): EpisodeEvent[] {
  const { invariant, key, verdict, because } = finding
  const about = { invariant, key, verdict, because }
  if (before !== undefined && before.closedAtMs === undefined) {
    if (before.verdict === verdict) return []
    const openedAt = new Date(before.openedAtMs).toISOString()
    return [{ kind: 'changed', ...about, was: before.verdict, openedAt, ...flag(before.isFlapping) }]
  }
  const openings = recent(before?.openings ?? [], facts.nowMs).length + 1
  const isFlapping = openings >= openingsOfFlapping
  const since = facts.lastWholeMs(invariant)
  return [
    {
      kind: isFlapping && before?.isFlapping !== true ? 'flapping' : 'opened',
      ...about,
      openedAt: new Date(facts.nowMs).toISOString(),
      ...(since === undefined ? {} : { detectedWithinMs: Math.max(0, facts.nowMs - since) }),
      ...flag(isFlapping),
    },
  ]
}

function endOf(episode: Episode, how: 'agrees' | 'accepted', nowMs: number): EpisodeEvent {
  const { invariant, key, verdict, because, openedAtMs, isFlapping } = episode
  const openForMs = Math.max(0, nowMs - openedAtMs)
  const openedAt = new Date(openedAtMs).toISOString()
  return { kind: 'resolved', invariant, key, verdict, because, openedAt, openForMs, how, ...flag(isFlapping) }
}

function flag(isFlapping: boolean): { readonly isFlapping?: boolean } {
  return isFlapping ? { isFlapping } : {}
}

/** The episodes after a run, which are the same whether it was just decided or is read from the history. */
export function decideEpisodesAfter(before: Episodes, run: RunRecord): Episodes {
  const atMs = Date.parse(run.endedAt)
  const after = new Map<string, Episode>()
  const looked = new Set(run.invariants.map((invariant) => invariant.name))
  const unseen = new Set(run.unseen)
  for (const [id, episode] of before) {
    const openings = recent(episode.openings, atMs)
    const isSeen = episode.closedAtMs === undefined && looked.has(episode.invariant) && !unseen.has(id)
    // A closed one is remembered for as long as its coming back would tell something.
    if (episode.closedAtMs !== undefined && openings.length === 0) continue
    after.set(id, { ...episode, openings, lastSeenAtMs: isSeen ? atMs : episode.lastSeenAtMs })
  }
  for (const event of run.events) if (isAboutEpisode(event)) apply(after, event, atMs)
  return after
}

function apply(episodes: Map<string, Episode>, event: EpisodeEvent, atMs: number): void {
  const id = episodeId(event)
  const known = episodes.get(id)
  const { invariant, key, verdict, because } = event
  const isFlapping = event.isFlapping === true
  if (event.kind === 'resolved') {
    if (known !== undefined) episodes.set(id, { ...known, closedAtMs: atMs })
  } else if (event.kind === 'changed' && known !== undefined) episodes.set(id, { ...known, verdict, because })
  else {
    const openings = [...(known?.openings ?? []), atMs]
    episodes.set(id, {
      ...{ invariant, key, verdict, because, openedAtMs: atMs, lastSeenAtMs: atMs, openings, isFlapping },
    })
  }
}

/** Whether an event tells of a finding's key. */
export function isAboutEpisode(event: RunRecord['events'][number]): event is EpisodeEvent {
  return ['opened', 'changed', 'flapping', 'resolved'].includes(event.kind)
}

function recent(openings: readonly number[], nowMs: number): readonly number[] {
  return openings.filter((atMs) => nowMs - atMs < flapWindowMs)
}
