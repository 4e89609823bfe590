import type { GapReason, Marker } from '../domain/frame.ts'
import { orderbookStream } from '../domain/keys.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import type { Channel, Connection } from './connection.ts'
import type { RestQueue } from './rest-queue.ts'
import type { EpochLog } from './epochs.ts'
import { isGone, markerFrame, type Member } from './market.ts'
import type { Sent } from './sent.ts'
import type { Sightings } from './sighting.ts'
import { createShedFrames, type ShedFrames } from './shed-frames.ts'
import type { SocketLog } from './socket-log.ts'

export type SlotDeps = {
  url: string
  isReplay: boolean
  channel: Channel
  openEpoch: () => EpochLog
  route: (element: string) => string
  rest: RestQueue
  /** Asked when a socket that carried the token has ended: whether the venue as a whole restarts. Never rejects. */
  isVenueRestarting: (token: string) => Promise<boolean>
  /** The market is as desired, and what says so is in its stream. */
  confirm: (members: Member[]) => void
  log: Logger
  stats: Stats
  signal: AbortSignal
}

/** One socket of a slot, from its opening to its end. */
export type Live = {
  connection: Connection
  log: SocketLog
  /** Undefined while it connects, and again when it has ended. */
  openedTimeMs: number | undefined
  isEnded: boolean
  hasSubscribed: boolean
  /** What the venue was told of each token on this socket. */
  sent: Map<string, Sent>
  /** Tokens that were subscribed on this socket: subscribing them again brings no snapshot (nautilus#4635). */
  known: Sightings
  /** Token -> time by which its snapshot is due. */
  awaiting: Map<string, number>
  /** Tokens whose missing snapshot is already recorded. */
  missed: Map<string, number>
  /** Those of which REST answered last that it has no book: nothing can be expected of them. */
  bookless: Set<string>
  /** Streams into which no frames of books go. */
  shed: ShedFrames
  /** Those of markets that have left: what still comes of their books would end the gap that says so. */
  unasked: ShedFrames
  /** Of markets that move to another socket and are heard here until their books have come there: lets one go. */
  departures: Set<() => void>
  /** Their tokens. */
  departing: Set<string>
}

/** What a market's stream is told when it moves to another connection: at once, and when it leaves the old one. */
export type MoveMarkers = { atOnce: Marker[]; atDeparture: Marker[] }

/** A socket with what its slot knows: the place at which markets join and leave. */
export type Place = {
  live: Live
  deps: SlotDeps
  members: ReadonlyMap<string, Member>
  /** Called when a market has reached a phase. */
  reconcile: () => void
}

export const createLive = (connection: Connection, log: SocketLog): Live => ({
  connection,
  log,
  openedTimeMs: undefined,
  isEnded: false,
  hasSubscribed: false,
  sent: new Map(),
  known: new Map(),
  awaiting: new Map(),
  missed: new Map(),
  bookless: new Set(),
  shed: createShedFrames(),
  unasked: createShedFrames(),
  departures: new Set(),
  departing: new Set(),
})

export const pushMarker = (log: EpochLog, { desired }: Member, marker: Marker): void => {
  log.push(orderbookStream(desired.marketId), markerFrame(marker))
}

/** Nothing comes after an unsubscribe: a pause is a gap that was asked for, and so is the end of a recording. */
export const leavingGap = ({ tokens, desired, asked }: Member): Marker => ({
  type: 'gap',
  reason: desired.state === 'stopped' ? 'stopped' : 'paused',
  tokens,
  detail: asked.state === desired.state ? `desired ${desired.state}` : 'everything is paused',
})

/** Of a market that goes on elsewhere there is nothing to say. */
export const markersOfLeaving = (member: Member): Marker[] =>
  isGone(member) ? [] : [leavingGap(member), { type: 'unsubscribed', tokens: member.tokens }]

export const markersOfEnd = (member: Member, reason: GapReason, detail: string): Marker[] => {
  switch (member.phase) {
    case 'out':
      return []
    case 'leaving':
      return markersOfLeaving(member)
    case 'joining':
    case 'in':
      return [{ type: 'gap', reason, tokens: member.tokens, detail }]
  }
}
