import type { Live, Place } from './live.ts'
import type { Member } from './market.ts'
import { sendSubscribe, sendUnsubscribe } from './sent.ts'

/** Tokens of one socket whose subscription is not what it should be; all empty in the steady state. */
type Differences = {
  /** Desired, but no subscribe frame stands. */
  missing: string[]
  /** A subscribe frame stands, but they are not desired. */
  extra: string[]
  /** Subscribed for half a minute, and nothing came: neither on the socket nor by REST, which does not say that it has none. */
  unheard: string[]
  /** Unsubscribed, and still coming. */
  unasked: string[]
}

const UNHEARD_AFTER_MS = 30_000
/** What was under way when the venue read the unsubscribe. */
const GRACE_MS = 1_000

const countOf = ({ missing, extra, unheard, unasked }: Differences): number =>
  missing.length + extra.length + unheard.length + unasked.length

const isHere = ({ phase }: Member): boolean => phase === 'in' || phase === 'joining'

const tokensOf = (members: Member[]): Set<string> => new Set(members.flatMap(({ tokens }) => tokens))

/** A market that is new, or closed, has no book for minutes or ever. */
const isOverdue = ({ bookless }: Live, token: string, silentMs: number): boolean =>
  silentMs > UNHEARD_AFTER_MS && !bookless.has(token)

/** Compares what is desired with what was sent and with what comes (poly-sdk PR 28: subscriptions leak on churn). */
const compare = ({ live, members }: Place, nowMs: number): Differences => {
  const all = [...members.values()]
  const wanted = tokensOf(all.filter(({ desired }) => desired.state === 'active'))
  const held = tokensOf(all.filter(isHere))
  for (const token of live.departing) held.add(token)
  const found: Differences = { missing: [], extra: [], unheard: [], unasked: [] }
  for (const token of wanted) if (live.sent.get(token)?.state !== 'subscribed') found.missing.push(token)
  for (const [token, { state, sinceMs }] of live.sent) {
    const heardMs = live.known.get(token)?.receivedTimeMs ?? 0
    if (state === 'subscribed' && !held.has(token)) found.extra.push(token)
    else if (state === 'subscribed' && heardMs < sinceMs && isOverdue(live, token, nowMs - sinceMs))
      found.unheard.push(token)
    else if (state === 'left' && heardMs > sinceMs + GRACE_MS) found.unasked.push(token)
  }
  return found
}

/** Brings the socket to what is desired, whatever made it differ. */
const repair = (place: Place, { missing, extra, unheard, unasked }: Differences): void => {
  const { live, deps, members } = place
  const surplus = [...extra, ...unasked]
  if (surplus.length > 0) sendUnsubscribe(live, deps.channel, surplus)
  if (unheard.length > 0) {
    // The venue answers a subscribe of what it knows already with a text of its own, and nothing else.
    sendUnsubscribe(live, deps.channel, unheard)
    sendSubscribe(live, deps.channel, unheard)
  }
  const lost = new Set(missing)
  for (const member of members.values()) {
    if (isHere(member) && member.tokens.some((token) => lost.has(token))) member.phase = 'out'
  }
  if (lost.size > 0) place.reconcile()
}

/** Compares, repairs and counts; returns how many tokens differed. */
export const compareSubscriptions = (place: Place, nowMs: number): number => {
  const differences = compare(place, nowMs)
  const count = countOf(differences)
  if (count === 0) return 0
  const { live, deps } = place
  deps.log.warn({ epoch: live.log.epoch, ...differences }, 'subscriptions differed from what is desired: repaired')
  deps.stats.count('subscriptionsRepaired', count)
  repair(place, differences)
  return count
}
