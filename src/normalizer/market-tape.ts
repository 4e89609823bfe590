import type { Frame, GapReason, Marker, StreamEntry } from '../domain/frame.ts'
import { orderbookStream } from '../domain/keys.ts'
import type { Market, MarketState } from '../domain/market.ts'
import type { BookEvent, Parsed, PriceChangeEvent, TradeEvent, VenueEvent } from '../domain/event.ts'
import type { Stats } from '../lib/stats.ts'
import { addDeadLetter, type Batch, type FrameContext } from './batch.ts'
import { parseMarker } from './marker.ts'
import { OutcomeTape } from './outcome-tape.ts'
import { isPossibleTime } from './possible-time.ts'
import type { MarketProgress } from './progress.ts'

export type TapeDeps = {
  parseMessage: (text: string) => Parsed
  parseRestBook: (text: string) => Parsed
  stats: Stats
}

/** `always`: also of a book that is still waited for. */
type GapCause = { reason: GapReason; detail: string; always: boolean }

/** A frame's token is no outcome of the market: kept in the dead letters, applied to nothing. */
const UNKNOWN_TOKEN = 'unknown_token'

const noteTimes = ({ exchangeTimeMs }: VenueEvent, { frame, batch }: FrameContext): void => {
  batch.frameTimes.push({ exchangeTimeMs, receivedTimeMs: frame.receivedTimeMs })
}

/**
 * The recorded books of one market, fed by one stream. It follows one connection (epoch) at a time: the first frame of
 * a newer epoch ends the older one for good, since interleaving two connections corrupts a book. Ordinals are dense
 * within an epoch: one at or below the last applied is a replay, a jump is a loss.
 */
export class MarketTape {
  readonly market: Market
  readonly stream: string
  readonly outcomes: OutcomeTape[]
  epoch = ''
  ordinal = 0
  /** Stream id of the last entry that was applied, and of the last one that was put into a batch to commit. */
  lastId = '0-0'
  sealedId = '0-0'
  /** Rowless ones too: the stream is trimmed behind the checkpoint. */
  framesSinceCheckpoint = 0
  /** True until the first checkpoint, and after a snapshot. */
  isCheckpointDue = true
  subscription: MarketProgress['subscription'] = 'active'
  #areBooksLost = false
  readonly #deps: TapeDeps
  readonly #byToken: Map<string, OutcomeTape>

  constructor(market: Market, deps: TapeDeps) {
    this.market = market
    this.stream = orderbookStream(market.marketId)
    this.outcomes = market.outcomes.map((outcome) => new OutcomeTape(market, outcome))
    this.#byToken = new Map(this.outcomes.map((tape) => [tape.outcome.token, tape]))
    this.#deps = deps
  }

  get sequence(): number {
    return this.outcomes.reduce((sum, tape) => sum + tape.sequence, 0)
  }

  get state(): MarketState {
    if (this.subscription !== 'active') return this.subscription
    if (this.outcomes.some((tape) => tape.status === 'gap')) return 'unverified'
    return this.outcomes.every((tape) => tape.status === 'following') ? 'live' : 'starting'
  }

  /** True while a whole book from REST would help: the feed is asked for it. */
  get wantsResync(): boolean {
    return this.subscription === 'active' && this.outcomes.some((tape) => tape.status === 'gap')
  }

  progress(): MarketProgress {
    const { epoch, ordinal, subscription } = this
    return { epoch, ordinal, subscription, outcomes: this.outcomes.map((tape) => tape.progress()) }
  }

  /** Continues sequences from a stored position whose books could not be rebuilt. */
  resumeWithoutBooks(progress: MarketProgress): void {
    this.#areBooksLost = true
    this.epoch = progress.epoch
    this.ordinal = progress.ordinal
    this.subscription = progress.subscription
    this.outcomes.forEach((tape, index) => {
      const stored = progress.outcomes[index]
      if (stored !== undefined) tape.resumeWithoutBook(stored)
    })
  }

  apply(entry: StreamEntry, batch: Batch): void {
    this.lastId = entry.id
    if (entry.epoch < this.epoch) {
      this.#deps.stats.count('framesOfOldConnections', entry.frames.length)
      return
    }
    entry.frames.forEach((frame, index) => {
      const ordinal = entry.firstOrdinal + index
      const context = { frame, batch, entryId: entry.id, ordinal }
      if (entry.epoch > this.epoch) this.#follow(entry.epoch, context)
      if (ordinal <= this.ordinal) this.#deps.stats.count('framesReplayed')
      else this.#applyNext(ordinal, context)
    })
  }

  /** Opens the gaps of books that could not be rebuilt; does nothing else. */
  tellLostBooks(context: { frame: Frame; batch: Batch }): void {
    if (!this.#areBooksLost) return
    this.#areBooksLost = false
    this.openGaps('stream_loss', 'the stream no longer holds what followed the last checkpoint', context)
  }

  /** Takes over what the catalogue says anew; the tick follows the market channel, which knows it first. */
  updateMarket({ minOrderSize, negRisk, version }: Market): void {
    for (const { book } of this.outcomes) book.identity = { ...book.identity, minOrderSize, negRisk, version }
  }

  /** Opens a gap in every outcome that has a book (or, with `always`, also in those that wait for one). */
  openGaps(reason: GapReason, detail: string, context: { frame: Frame; batch: Batch }, always = false): void {
    for (const tape of this.outcomes) {
      this.#openGap(tape, { reason, detail, always }, context)
    }
  }

  #openGap(tape: OutcomeTape, gap: GapCause, context: { frame: Frame; batch: Batch }): void {
    if (tape.status === 'waiting' && !gap.always) tape.window.forget()
    else if (tape.openGap(gap.reason, gap.detail, context)) this.#deps.stats.count('gaps')
  }

  #follow(epoch: string, context: FrameContext): void {
    if (this.epoch !== '') {
      this.openGaps('feed_restart', `connection ${this.epoch} ended without a word; ${epoch} goes on`, context)
    }
    for (const tape of this.outcomes) tape.window.forget()
    this.epoch = epoch
    this.ordinal = 0
  }

  #applyNext(ordinal: number, context: FrameContext): void {
    const expected = this.ordinal + 1
    if (ordinal > expected) {
      const detail = `expected frame ${expected} of connection ${this.epoch}, came ${ordinal}`
      this.openGaps('stream_loss', detail, context)
    }
    this.ordinal = ordinal
    context.batch.frameCount += 1
    context.batch.frameBytes += context.frame.text.length
    this.framesSinceCheckpoint += 1
    this.#applyFrame(context)
  }

  #applyFrame(context: FrameContext): void {
    const { frame } = context
    if (frame.kind === 'marker') {
      const marker = parseMarker(frame.text)
      if (marker === undefined) this.#reject('bad_marker', 'not a marker of ours', context)
      else this.#applyMarker(marker, context)
      return
    }
    const parsed = frame.kind === 'rest' ? this.#deps.parseRestBook(frame.text) : this.#deps.parseMessage(frame.text)
    switch (parsed.type) {
      case 'event':
        if (isPossibleTime(parsed.event, frame)) return this.#applyEvent(parsed.event, context)
        this.#reject('bad_message', `venue time ${parsed.event.exchangeTimeMs} cannot be`, context)
        this.openGaps('bad_message', `venue time ${parsed.event.exchangeTimeMs} cannot be`, context)
        return
      case 'unknown':
        return this.#reject('unknown_event', parsed.detail, context)
      case 'rejected':
        this.#reject('bad_message', parsed.detail, context)
        if (parsed.breaksBook) this.openGaps('bad_message', parsed.detail, context)
        return
    }
  }

  #applyEvent(event: VenueEvent, context: FrameContext): void {
    switch (event.type) {
      case 'book':
        return this.#applyBook(event, context)
      case 'price_change':
        return this.#applyChanges(event, context)
      case 'trade':
        return this.#applyTrade(event, context)
      case 'tick_size_change': {
        const tape = this.#byToken.get(event.token)
        if (tape === undefined) return this.#reject(UNKNOWN_TOKEN, event.token, context)
        tape.book.identity = { ...tape.book.identity, tickSize: event.newTickSize }
        return
      }
      case 'best_bid_ask':
        return this.#deps.stats.count('bestBidAsks')
      case 'new_market':
      case 'market_resolved':
        return this.#reject('misrouted', `${event.type} belongs to the stream "markets"`, context)
    }
  }

  #applyBook(event: BookEvent, context: FrameContext): void {
    const tape = this.#byToken.get(event.token)
    if (tape === undefined) return this.#reject(UNKNOWN_TOKEN, event.token, context)
    const result = tape.applyBook(event, context.frame, context.batch)
    this.#deps.stats.count(`books_${result}`)
    if (result === 'difference') noteTimes(event, context)
    if (result === 'snapshot') this.isCheckpointDue = true
  }

  #applyChanges(event: PriceChangeEvent, context: FrameContext): void {
    for (const change of event.changes) {
      const tape = this.#byToken.get(change.token)
      if (tape === undefined) this.#reject(UNKNOWN_TOKEN, change.token, context)
      else this.#deps.stats.count(`changes_${tape.applyChange(change, event.exchangeTimeMs, context)}`)
    }
    noteTimes(event, context)
  }

  #applyTrade(event: TradeEvent, context: FrameContext): void {
    const tape = this.#byToken.get(event.token)
    if (tape === undefined) return this.#reject(UNKNOWN_TOKEN, event.token, context)
    context.batch.fills.push({
      marketId: this.market.marketId,
      outcomeId: tape.outcome.outcomeId,
      side: event.takerSide,
      priceText: event.level.priceText,
      sizeText: event.level.sizeText,
      transactionHash: event.transactionHash,
      capturedTimeMs: context.frame.receivedTimeMs,
      exchangeTimeMs: event.exchangeTimeMs,
      sourceReceivedTimeMs: context.frame.sourceReceivedTimeMs,
    })
  }

  #applyMarker(marker: Marker, context: FrameContext): void {
    switch (marker.type) {
      case 'subscribed':
        this.subscription = 'active'
        return
      case 'unsubscribed':
        return
      case 'gap': {
        if (marker.reason === 'paused' || marker.reason === 'stopped') this.subscription = marker.reason
        const always = marker.reason === 'snapshot_missing'
        for (const token of marker.tokens) {
          const tape = this.#byToken.get(token)
          if (tape !== undefined) this.#openGap(tape, { ...marker, always }, context)
        }
      }
    }
  }

  #reject(reason: string, detail: string, context: FrameContext): void {
    this.#deps.stats.count('deadLetters')
    addDeadLetter(context, this.stream, { reason, detail })
  }
}
