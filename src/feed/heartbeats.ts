import {
  appliedSubject,
  connectionSubject,
  feedSubject,
  livenessSubject,
  type Heartbeat,
  type Trouble,
} from '../domain/heartbeat.ts'
import type { Slot } from './slot.ts'
import type { Behind } from './suspects.ts'

/** `feed`: `<group>:<replica>`. */
export type FeedSigns = { feed: string; connections: readonly Slot[]; behind: Behind; unansweredMs: number }

/** A report stays small whatever happens; the rest of the markets follows once these are well. */
const MARKETS_LIMIT = 500
/** Below this REST is between two rounds. */
const UNANSWERED_MS = 10_000

const agesOf = (since: Iterable<[string, number]>, nowMs: number): Map<string, number> =>
  new Map([...since].slice(0, MARKETS_LIMIT).map(([marketId, sinceMs]) => [marketId, nowMs - sinceMs]))

const activeOf = ({ members }: Slot): string[] =>
  [...members].filter(([, { desired }]) => desired.state === 'active').map(([marketId]) => marketId)

const allSince = (marketIds: Iterable<string>, sinceMs: number, nowMs: number): Map<string, number> =>
  agesOf(
    [...marketIds].map((marketId) => [marketId, sinceMs]),
    nowMs,
  )

const closedTrouble = (slot: Slot, closedTimeMs: number, nowMs: number): Trouble | undefined => {
  const active = activeOf(slot)
  if (active.length === 0) return undefined
  const markets = allSince(active, closedTimeMs, nowMs)
  return { reason: 'not_connected', forMs: nowMs - closedTimeMs, detail: 'no socket is open', markets }
}

const troubleOf = (slot: Slot, nowMs: number): Trouble | undefined => {
  const { closedTimeMs, tickTimeMs, owed, isSilent } = slot.vitals
  if (closedTimeMs !== undefined) return closedTrouble(slot, closedTimeMs, nowMs)
  if (owed.size === 0) return undefined
  if (isSilent) {
    const detail = `no data frame since ${new Date(tickTimeMs).toISOString()}, REST moved on`
    const markets = allSince(owed.keys(), tickTimeMs, nowMs)
    return { reason: 'silent', forMs: nowMs - tickTimeMs, detail, markets }
  }
  const detail = 'REST has newer books of some markets than their socket brought'
  const forMs = nowMs - Math.min(...owed.values())
  return { reason: 'stalled', forMs, detail, markets: agesOf(owed, nowMs) }
}

const connectionBeat = (slot: Slot, behind: Behind, nowMs: number): Heartbeat => {
  slot.vitals.note(behind.unseen, (marketId) => slot.members.get(marketId)?.desired.state === 'active')
  const figures = { tokens: slot.tokenCount(), isOpen: Number(slot.isOpen), tickAgeMs: nowMs - slot.vitals.tickTimeMs }
  return { trouble: troubleOf(slot, nowMs), epoch: slot.epoch ?? '', figures }
}

const appliedBeat = ({ behind: { unapplied } }: FeedSigns, nowMs: number): Heartbeat => {
  const figures = { markets: unapplied.size }
  if (unapplied.size === 0) return { trouble: undefined, epoch: '', figures }
  const forMs = nowMs - Math.min(...unapplied.values())
  const detail = 'frames came and are not applied'
  return { trouble: { reason: 'not_applied', forMs, detail, markets: agesOf(unapplied, nowMs) }, epoch: '', figures }
}

const livenessBeat = ({ unansweredMs }: FeedSigns): Heartbeat => {
  const detail = 'REST gives no books: stalls go unseen'
  const trouble: Trouble | undefined =
    unansweredMs < UNANSWERED_MS ? undefined : { reason: 'no_answer', forMs: unansweredMs, detail, markets: new Map() }
  return { trouble, epoch: '', figures: { unansweredMs } }
}

/** What a feed says of itself, of its connections, of REST, and of what came but was not applied. */
export const feedHeartbeats = (signs: FeedSigns): [string, Heartbeat][] => {
  const { feed, connections, behind } = signs
  const nowMs = Date.now()
  const own: Heartbeat = { trouble: undefined, epoch: '', figures: { connections: connections.length } }
  return [
    [feedSubject(feed), own],
    ...connections.map((slot): [string, Heartbeat] => [
      connectionSubject(feed, slot.vitals.place),
      connectionBeat(slot, behind, nowMs),
    ]),
    [livenessSubject(feed), livenessBeat(signs)],
    [appliedSubject(feed), appliedBeat(signs, nowMs)],
  ]
}
