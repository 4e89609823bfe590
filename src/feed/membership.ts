import type { Marker } from '../domain/frame.ts'
import { orderbookStream } from '../domain/keys.ts'
import { markersOfLeaving, pushMarker, type Live, type MoveMarkers, type Place } from './live.ts'
import { followsBooks } from '../domain/shed.ts'
import { depthMarker, isArriving, isDepthTold, type Member, type Phase } from './market.ts'
import { sendSubscribe, sendUnsubscribe } from './sent.ts'
import { awaitSnapshots, recordMissing } from './snapshots.ts'

type Arrival = { phase: Phase; markersOf: (member: Member) => Marker[] }

/** Whether it has not been moved to another socket meanwhile. */
const isHere = ({ phase, epoch, desired }: Member, { live }: Place): boolean =>
  !live.isEnded && epoch === live.log.epochOf(orderbookStream(desired.marketId)) && phase !== 'out'

/** The market reaches its phase when what says so is in its stream. */
const mark = async (place: Place, member: Member, { phase, markersOf }: Arrival): Promise<void> => {
  if (!isHere(member, place)) return
  if (phase === 'out') member.toldState = member.desired.state
  const stream = orderbookStream(member.desired.marketId)
  for (const marker of markersOf(member)) pushMarker(place.live.log, member, marker)
  if (phase === 'out') place.live.unasked.begin(stream, member.tokens)
  await place.live.log.flushed(stream)
  if (!isHere(member, place)) return
  member.phase = phase
  place.reconcile()
}

const joined = (place: Place, member: Member): Promise<void> =>
  mark(place, member, { phase: 'in', markersOf: ({ tokens }) => [{ type: 'subscribed', tokens }] })

/**
 * A live socket sends no snapshot on a repeated subscribe: REST is asked before the market is confirmed. A book that it does
 * not have (a market that is new, or closed) is owed on, as that of any market that joins.
 */
const resume = async (place: Place, member: Member): Promise<void> => {
  const missing = await place.deps.rest.request(member.tokens)
  if (isHere(member, place)) recordMissing(place, member, missing)
  await joined(place, member)
}

/** Where frames of books come again REST has to bring the books: what the socket sends are changes of what was shed. */
const tellDepth = ({ live, deps }: Place, member: Member): void => {
  const stream = orderbookStream(member.desired.marketId)
  const newest = followsBooks(member.tier) ? live.shed.end(stream) : undefined
  if (!followsBooks(member.tier)) live.shed.begin(stream, member.tokens)
  member.toldDepth = member.desired.depth
  member.toldTier = member.tier
  pushMarker(live.log, member, depthMarker(member, newest))
  if (newest !== undefined) void deps.rest.request(member.tokens)
}

/**
 * Says in the streams of markets that are on the socket, or come there, how many levels are kept and what is shed: before the
 * first frame of a connection, and where it is something else now. A market that is moved brings what was said along: a word
 * here would end its old connection before its books have come.
 */
export const tellDepths = (place: Place): void => {
  for (const member of place.members.values()) {
    const isHeard = member.phase === 'joining' || member.phase === 'in'
    if (isHeard && !isDepthTold(member)) tellDepth(place, member)
  }
}

/** What a market brings along from another socket, or left behind on this one. */
const shedAsTold = ({ shed }: Live, { desired, tokens, toldDepth, toldTier }: Member): void => {
  const stream = orderbookStream(desired.marketId)
  if (toldDepth !== undefined && !followsBooks(toldTier)) shed.begin(stream, tokens)
  else shed.end(stream)
}

/** What the venue sent of it after it had left says which REST books are older. */
const tellUnasked = ({ log, unasked }: Live, member: Member): void => {
  const newest = unasked.end(orderbookStream(member.desired.marketId)) ?? {}
  if (Object.keys(newest).length > 0) pushMarker(log, member, depthMarker(member, newest))
}

/** Subscribes the markets; they are `in` when the venue has read that and their streams say so. */
export const join = (place: Place, members: Member[]): void => {
  const { live, deps } = place
  const tokens = members.flatMap(({ desired }) => desired.tokens)
  const resumed = members.filter(({ desired }) => desired.tokens.some((token) => live.known.has(token)))
  for (const member of members) live.log.begin(orderbookStream(member.desired.marketId), isArriving(member))
  sendSubscribe(live, deps.channel, tokens)
  for (const member of members) {
    member.phase = 'joining'
    member.heardSinceMs = Infinity
    member.epoch = live.log.epochOf(orderbookStream(member.desired.marketId))
    member.toldState = 'active'
    member.tellingState = undefined
    member.tellingDepth = undefined
    member.tokens = member.desired.tokens
    shedAsTold(live, member)
    tellUnasked(live, member)
  }
  awaitSnapshots(place, tokens)
  live.connection.confirm(() => {
    for (const member of members) {
      if (isHere(member, place)) member.heardSinceMs = Date.now()
      void (resumed.includes(member) ? resume(place, member) : joined(place, member))
    }
  })
}

/** Unsubscribes the markets; they are `out` when the venue has read that and their streams say so. */
export const leave = (place: Place, members: Member[]): void => {
  const { live, deps } = place
  const tokens = members.flatMap((member) => member.tokens)
  for (const member of members) member.phase = 'leaving'
  sendUnsubscribe(live, deps.channel, tokens, () => {
    for (const token of tokens) live.awaiting.delete(token)
    for (const member of members) void mark(place, member, { phase: 'out', markersOf: markersOfLeaving })
  })
}

/**
 * Begins a move to another socket: the market is heard here until the function that is returned is called, or the socket
 * ends. What still comes after that belongs to an older epoch: readers ignore it.
 */
export const release = ({ live, deps }: Place, member: Member, { atOnce, atDeparture }: MoveMarkers): (() => void) => {
  const { tokens } = member
  for (const marker of atOnce) pushMarker(live.log, member, marker)
  for (const token of tokens) live.awaiting.delete(token)
  member.phase = 'out'
  const depart = (): void => {
    if (!live.departures.delete(depart)) return
    for (const marker of atDeparture) pushMarker(live.log, member, marker)
    for (const token of tokens) live.departing.delete(token)
    sendUnsubscribe(live, deps.channel, tokens)
  }
  for (const token of tokens) live.departing.add(token)
  live.departures.add(depart)
  return depart
}
