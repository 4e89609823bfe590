import type { GapReason, Marker } from '../domain/frame.ts'
import { orderbookStream } from '../domain/keys.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import type { Channel, Connection } from './connection.ts'
import type { RestQueue } from './rest-queue.ts'
import type { EpochLog } from './epochs.ts'
import { markerFrame, type Member } from './market.ts'

export type SlotDeps = {
  url: string
  isReplay: boolean
  silenceMs: number
  channel: Channel
  openEpoch: () => EpochLog
  route: (element: string) => string
  rest: RestQueue
  /** The market is as desired, and what says so is in its stream. */
  confirm: (members: Member[]) => void
  log: Logger
  stats: Stats
  signal: AbortSignal
}

/** One socket of a slot, from its opening to its end. */
export type Live = {
  connection: Connection
  log: EpochLog
  openedTimeMs: number | undefined
  hasSubscribed: boolean
  /** Tokens that were subscribed on this socket before: subscribing them again brings no snapshot (nautilus#4635). */
  known: Set<string>
  /** Token -> time by which its snapshot is due. */
  awaiting: Map<string, number>
  /** Tokens whose missing snapshot is already recorded. */
  missed: Set<string>
}

export const createLive = (connection: Connection, log: EpochLog): Live => ({
  connection,
  log,
  openedTimeMs: undefined,
  hasSubscribed: false,
  known: new Set(),
  awaiting: new Map(),
  missed: new Set(),
})

export const pushMarker = (log: EpochLog, { desired }: Member, marker: Marker): void => {
  log.push(orderbookStream(desired.marketId), markerFrame(marker))
}

/** Nothing comes after an unsubscribe: a pause is a gap that was asked for, and so is the end of a recording. */
export const leavingGap = ({ tokens, desired }: Member): Marker => ({
  type: 'gap',
  reason: desired.state === 'stopped' ? 'stopped' : 'paused',
  tokens,
  detail: `desired ${desired.state}`,
})

export const markersOfLeaving = (member: Member): Marker[] => [
  leavingGap(member),
  { type: 'unsubscribed', tokens: member.tokens },
]

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
