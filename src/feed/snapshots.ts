import type { Member } from './market.ts'
import { pushMarker, type Place } from './live.ts'
import type { Missing } from './rest-queue.ts'

/** A few books come at once; a dump of two hundred takes a while on a busy machine. */
const FEW_TOKENS = 20
const FEW_DEADLINE_MS = 900
const SNAPSHOT_DEADLINE_MS = 5_000
/** A new market has no book for minutes, and is wanted within 2 s of its first: all of a feed share a call. */
const SOON_RETRY_MS = 900
const SOON_MS = 900_000
const LATER_RETRY_MS = 5_000

/** Notes that the socket owes a whole book of these tokens. */
export const awaitSnapshots = ({ live }: Place, tokens: string[]): void => {
  const deadlineMs = tokens.length <= FEW_TOKENS ? FEW_DEADLINE_MS : SNAPSHOT_DEADLINE_MS
  for (const token of tokens) {
    if (!live.known.has(token)) live.known.set(token, { exchangeTimeMs: 0, receivedTimeMs: 0 })
    live.awaiting.set(token, Date.now() + deadlineMs)
  }
}

/** Says once a socket and token that no book is to be had. */
export const recordMissing = ({ live }: Place, member: Member, missing: Missing): void => {
  const owed = member.tokens.filter((token) => missing.tokens.has(token))
  for (const token of owed) {
    if (missing.isAnswered) live.bookless.add(token)
    else live.bookless.delete(token)
  }
  const tokens = owed.filter((token) => !live.missed.has(token))
  for (const token of tokens) live.missed.set(token, Date.now())
  if (tokens.length === 0) return
  const detail = 'no snapshot on the socket nor by REST'
  pushMarker(live.log, member, { type: 'gap', reason: 'snapshot_missing', tokens, detail })
}

/** Fetches the books of tokens whose snapshot is overdue, again and again until one comes. */
export const fetchOverdue = async (place: Place): Promise<void> => {
  const { live, deps, members } = place
  const nowMs = Date.now()
  const overdue = [...live.awaiting].filter(([, dueTimeMs]) => dueTimeMs <= nowMs).map(([token]) => token)
  if (overdue.length === 0) return
  for (const token of overdue) {
    const isSoon = nowMs - (live.missed.get(token) ?? nowMs) < SOON_MS
    live.awaiting.set(token, nowMs + (isSoon ? SOON_RETRY_MS : LATER_RETRY_MS))
  }
  const missing = await deps.rest.request(overdue)
  if (missing.tokens.size === 0 || live.isEnded) return
  for (const member of members.values()) recordMissing(place, member, missing)
}
