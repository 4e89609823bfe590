import type { Frame } from '../domain/frame.ts'
import { firstString, lastString } from '../lib/json-elements.ts'

/** What a new connection has brought of a market that is still followed on another one. Bounded; see `isBroken`. */
export type Hold = {
  push(frame: Frame): void
  /** Venue time of each token's first whole book here: from it on nothing is missing. */
  readonly snapshots: ReadonlyMap<string, number>
  /** It did not fit: what was held is dropped, and what comes. */
  readonly isBroken: boolean
  readonly startedTimeMs: number
  /** What is not known yet where the books were applied up to these venue times; nothing is held any more. */
  take(applied: ReadonlyMap<string, number>): Frame[]
}

/** A few seconds of the busiest market. */
const MAX_BYTES = 1024 * 1024
const MAX_FRAMES = 5_000
/** As the normalizer waits for late books. */
const REORDER_MS = 100

const tokenOf = (text: string): string | undefined => firstString(text, '"asset_id"')
const timeOf = (text: string): number => Number(lastString(text, '"timestamp"') ?? firstString(text, '"timestamp"'))

/** A `book` of the socket has a type, one of REST has none. */
const isBook = ({ kind, text }: Frame): boolean =>
  kind === 'rest' || (kind === 'websocket' && lastString(text, '"event_type"') === 'book')

/**
 * Trades and marks are always told: a trade that comes twice is known by its ordinal. A change of the very millisecond
 * may be one of those that had not come there: it says what a level is, and is applied again without harm. A whole book
 * may come after changes that are newer than it.
 */
const isNews = (frame: Frame, applied: ReadonlyMap<string, number>): boolean => {
  if (frame.kind === 'marker') return true
  const earliestMs = Math.min(...applied.values())
  const type = frame.kind === 'rest' ? 'book' : lastString(frame.text, '"event_type"')
  if (type === 'price_change') return timeOf(frame.text) >= earliestMs
  if (type === 'best_bid_ask') return timeOf(frame.text) > earliestMs
  if (type !== 'book') return true
  return timeOf(frame.text) > (applied.get(tokenOf(frame.text) ?? '') ?? earliestMs) - REORDER_MS
}

export const createHold = (startedTimeMs: number): Hold => {
  const snapshots = new Map<string, number>()
  let frames: Frame[] = []
  let bytes = 0
  let isBroken = false
  return {
    snapshots,
    startedTimeMs,
    get isBroken() {
      return isBroken
    },
    push: (frame) => {
      const token = isBook(frame) ? tokenOf(frame.text) : undefined
      if (token !== undefined && !snapshots.has(token)) snapshots.set(token, timeOf(frame.text))
      bytes += frame.text.length
      isBroken ||= bytes > MAX_BYTES || frames.length >= MAX_FRAMES
      if (isBroken) frames = []
      else frames.push(frame)
    },
    take: (applied) => {
      const taken = applied.size === 0 ? frames : frames.filter((frame) => isNews(frame, applied))
      frames = []
      return taken
    },
  }
}
