import type { ShedTier } from './shed.ts'

/**
 * `websocket`: one element of a frame, text exactly as received. `rest`: one book of a REST answer.
 * `catalogue`: one Gamma market object. `marker`: a note of our own in the order of the stream (see Marker).
 * `reprocess`: a dead letter that is fed through the pipeline again. `data_trade` and `data_activity`: one element of an
 * answer of the Data API, as `{"ordinal":<n>,"raw":<the element's text as received>}`.
 */
export type FrameKind = 'websocket' | 'rest' | 'catalogue' | 'marker' | 'reprocess' | 'data_trade' | 'data_activity'

/** Raw text with the clock of the host that received it. `sourceReceivedTimeMs` only for replays: the file's time. */
export type Frame = {
  kind: FrameKind
  receivedTimeMs: number
  sourceReceivedTimeMs: number | undefined
  text: string
}

export const GAP_REASONS = [
  'disconnect',
  'feed_restart',
  'overflow',
  'paused',
  'stopped',
  'snapshot_missing',
  'stream_loss',
  'hash_mismatch',
  'best_price',
  'token_stalled',
  'refused_row',
  'bad_signature',
  'bad_message',
  'venue_restart',
  'cost',
] as const

export type GapReason = (typeof GAP_REASONS)[number]

const RECONNECTS: ReadonlySet<GapReason> = new Set(['disconnect', 'feed_restart', 'venue_restart', 'token_stalled'])

/** After these a new connection sends whole books of its own. */
export const isReconnect = (reason: GapReason): boolean => RECONNECTS.has(reason)

/**
 * Text of a `marker` frame, as JSON. `gap`: frames of these tokens were or may have been lost from here on. `asked`: a
 * REST book was asked for; no frame received before is missing. `subscribed` and `unsubscribed`: the venue confirmed it
 * (a PONG to a PING sent after the frame). `depth`: so many levels a side are kept from here on, 0 = all, and so much is shed
 * (absent: nothing); `newest`: where frames of books come again, the venue time by token of the newest that was shed.
 * `continued`: this connection goes on where the one before it is applied, nothing is missing in between.
 */
export type Marker =
  | { type: 'gap'; reason: GapReason; tokens: string[]; detail: string }
  | { type: 'asked'; tokens: string[] }
  | { type: 'subscribed'; tokens: string[] }
  | { type: 'unsubscribed'; tokens: string[] }
  | { type: 'depth'; levels: number; tier?: ShedTier; newest?: Record<string, number> }
  | { type: 'continued'; tokens: string[] }

/**
 * One Redis Stream entry. `epoch` names a connection (unique, ordered by start); `firstOrdinal` is the number of its
 * first frame, counted per stream within the epoch from 1 and dense, so a jump is a lost entry.
 */
/** When a frame came: of a replay, when its recorder had it. */
export const clockOf = ({ receivedTimeMs, sourceReceivedTimeMs }: Frame): number =>
  sourceReceivedTimeMs ?? receivedTimeMs

/** The venue's clock is ahead of ours by seconds at most. Where it is by more, what comes later is so too. */
export const AHEAD_MS = 60_000

export type StreamEntry = { stream: string; id: string; epoch: string; firstOrdinal: number; frames: Frame[] }
