import type { StreamEntry } from '../domain/frame.ts'
import { MARKETS_STREAM } from '../domain/keys.ts'
import type { Market } from '../domain/market.ts'
import type { Parsed } from '../domain/event.ts'
import type { Stats } from '../lib/stats.ts'
import { isPossibleTime } from './possible-time.ts'
import { whyNotStorable } from './storable-market.ts'
import { addDeadLetter, type Batch, type FrameContext } from './batch.ts'

type CatalogueParsed = { type: 'market'; market: Market } | { type: 'rejected'; detail: string }

export type SharedTapeDeps = {
  parseMessage: (text: string) => Parsed
  parseCatalogue: (text: string) => CatalogueParsed
  stats: Stats
}

/**
 * A stream that many connections write to: `markets` (catalogue objects and broadcasts) and `unroutable`. Its frames
 * stand for themselves, so it follows no epoch; what arrives twice is written to the same row.
 */
export class SharedTape {
  readonly stream: string
  lastId = '0-0'
  sealedId = '0-0'
  readonly #deps: SharedTapeDeps

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
      else if (this.stream !== MARKETS_STREAM) this.#reject('unroutable', 'belongs to no known market', context)
      else if (frame.kind === 'catalogue') this.#applyCatalogue(context)
      else this.#applyBroadcast(context)
    })
  }

  #applyCatalogue(context: FrameContext): void {
    const parsed = this.#deps.parseCatalogue(context.frame.text)
    const detail = parsed.type === 'rejected' ? parsed.detail : whyNotStorable(parsed.market)
    if (parsed.type === 'rejected' || detail !== undefined) this.#reject('bad_catalogue', detail ?? '', context)
    else context.batch.markets.set(parsed.market.marketId, parsed.market)
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
    } else if (event.type === 'market_resolved') context.batch.resolvedMarkets.set(event.marketId, event.exchangeTimeMs)
    else if (event.type === 'new_market') this.#deps.stats.count('newMarkets')
    else this.#reject('misrouted', `${event.type} belongs to the stream of its market`, context)
  }

  #reject(reason: string, detail: string, context: FrameContext): void {
    this.#deps.stats.count('deadLetters')
    addDeadLetter(context, this.stream, { reason, detail })
  }
}
