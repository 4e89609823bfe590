import type { StreamEntry } from '../domain/frame.ts'
import { MARKETS_STREAM } from '../domain/keys.ts'
import type { Market } from '../domain/market.ts'
import type { Parsed } from '../domain/event.ts'
import type { Stats } from '../lib/stats.ts'
import { noteAnnounced, noteCatalogued, noteResolved } from './market-changes.ts'
import { isPossibleTime } from './possible-time.ts'
import { whyNotStorable } from './storable-market.ts'
import { addDeadLetter, type Batch, type FrameContext } from './batch.ts'
import { reprocessInMarkets, reprocessUnroutable } from './reprocess.ts'

type CatalogueParsed = { type: 'market'; market: Market } | { type: 'rejected'; detail: string }

export type SharedTapeDeps = {
  parseMessage: (text: string) => Parsed
  parseCatalogue: (text: string) => CatalogueParsed
  stats: Stats
}

/** A broadcast reaches every connection within milliseconds, and there are a few thousand a day. */
const MOST_BROADCASTS = 10_000

/**
 * A stream that many connections write to: `markets` (catalogue objects and broadcasts) and `unroutable`. Its frames
 * stand for themselves, so it follows no epoch. A broadcast comes once a connection and is let through once; catalogue
 * objects are written to the same row.
 */
export class SharedTape {
  readonly stream: string
  lastId = '0-0'
  sealedId = '0-0'
  readonly #deps: SharedTapeDeps
  /** Broadcasts that were let through, oldest first. After a restart, Postgres knows those that were committed. */
  readonly #broadcasts = new Set<string>()

  constructor(stream: string, deps: SharedTapeDeps) {
    this.stream = stream
    this.#deps = deps
  }

  apply(entry: StreamEntry, batch: Batch): void {
    this.lastId = entry.id
    entry.frames.forEach((frame, index) => {
      batch.frameCount += 1
      batch.frameBytes += frame.text.length
      const context = { frame, batch, entryId: entry.id, ordinal: entry.firstOrdinal + index }
      if (frame.kind === 'marker')
        this.#reject('frames_lost', 'the feed could not append frames of this stream', context)
      else if (frame.kind === 'reprocess') this.#reprocess(context)
      else if (this.stream !== MARKETS_STREAM) this.#reject('unroutable', 'belongs to no known market', context)
      else if (frame.kind === 'catalogue') this.#applyCatalogue(context)
      else this.#applyBroadcast(context)
    })
  }

  #applyCatalogue(context: FrameContext): void {
    const parsed = this.#deps.parseCatalogue(context.frame.text)
    const detail = parsed.type === 'rejected' ? parsed.detail : whyNotStorable(parsed.market)
    if (parsed.type === 'rejected' || detail !== undefined) this.#reject('bad_catalogue', detail ?? '', context)
    else {
      this.#deps.stats.count('applied:catalogue')
      noteCatalogued(parsed.market, context)
    }
  }

  #applyBroadcast(context: FrameContext): void {
    const parsed = this.#deps.parseMessage(context.frame.text)
    if (parsed.type !== 'event') {
      this.#reject(parsed.type === 'unknown' ? 'unknown_event' : 'bad_message', parsed.detail, context)
      return
    }
    const { event } = parsed
    if (!isPossibleTime(event, context.frame)) {
      this.#reject('bad_message', `venue time ${event.exchangeTimeMs} cannot be`, context)
    } else if (event.type === 'market_resolved') {
      this.#deps.stats.count('applied:market_resolved')
      if (this.#isFirst(`market_resolved:${event.marketId}`)) noteResolved(event, context)
    } else if (event.type === 'new_market') {
      this.#deps.stats.count('applied:new_market')
      if (this.#isFirst(`new_market:${event.marketId}`)) noteAnnounced(event, context)
    } else this.#reject('misrouted', `${event.type} belongs to the stream of its market`, context)
  }

  #reprocess(context: FrameContext): void {
    if (this.stream === MARKETS_STREAM) reprocessInMarkets(context, this.stream, this.#deps)
    else reprocessUnroutable(context, this.stream)
  }

  /** False for the copy of a broadcast that another connection brought. */
  #isFirst(key: string): boolean {
    if (this.#broadcasts.has(key)) {
      this.#deps.stats.count('dedupHits')
      this.#deps.stats.count('dedupHits:broadcasts')
      return false
    }
    this.#broadcasts.add(key)
    const [oldest] = this.#broadcasts
    if (this.#broadcasts.size > MOST_BROADCASTS && oldest !== undefined) this.#broadcasts.delete(oldest)
    return true
  }

  #reject(reason: string, detail: string, context: FrameContext): void {
    this.#deps.stats.count('deadLetters')
    addDeadLetter(context, this.stream, { reason, detail })
  }
}
