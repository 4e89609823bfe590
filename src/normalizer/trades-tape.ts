import type { StreamEntry } from '../domain/frame.ts'
import { TRADES_STREAM } from '../domain/keys.ts'
import type { ParsedDataActivity, ParsedDataTrade } from '../domain/trade.ts'
import type { Stats } from '../lib/stats.ts'
import { addDeadLetter, toDeadLetter, type Batch, type FrameContext } from './batch.ts'
import { isPossibleTime } from './possible-time.ts'
import { reprocessInTrades } from './reprocess.ts'

export type TradesTapeDeps = {
  parseTrade: (text: string) => ParsedDataTrade
  parseActivity: (text: string) => ParsedDataActivity
  stats: Stats
}

/**
 * The stream `trades`: what the Data API tells. Its elements stand for themselves, whoever read them and how often: what
 * is new in them is decided where they are merged into `fills`, so nothing is kept from one to the next.
 */
export class TradesTape {
  readonly stream = TRADES_STREAM
  lastId = '0-0'
  sealedId = '0-0'
  readonly #deps: TradesTapeDeps

  constructor(deps: TradesTapeDeps) {
    this.#deps = deps
  }

  apply(entry: StreamEntry, batch: Batch): void {
    this.lastId = entry.id
    entry.frames.forEach((frame, index) => {
      batch.frameCount += 1
      batch.frameBytes += frame.text.length
      this.#applyFrame({ frame, batch, entryId: entry.id, ordinal: entry.firstOrdinal + index })
    })
  }

  #applyFrame(context: FrameContext): void {
    const { kind } = context.frame
    if (kind === 'data_trade') this.#applyTrade(context)
    else if (kind === 'data_activity') this.#applyActivity(context)
    else if (kind === 'reprocess') reprocessInTrades(context, this.#deps)
    else if (kind === 'marker')
      this.#reject('frames_lost', 'the poller could not append frames of this stream', context)
    else this.#reject('misrouted', `a frame of kind ${kind} is nothing of the Data API`, context)
  }

  #applyTrade(context: FrameContext): void {
    const { frame, batch } = context
    const parsed = this.#deps.parseTrade(frame.text)
    if (parsed.type === 'rejected') return this.#reject('bad_message', parsed.detail, context)
    const { trade } = parsed
    if (!isPossibleTime(trade, frame)) {
      return this.#reject('bad_message', `venue time ${trade.exchangeTimeMs} cannot be`, context)
    }
    const why = { reason: 'unknown_token', detail: `token "${trade.token}" is no outcome of a known market` }
    const origin = { type: 'frame' as const, letter: toDeadLetter(context, this.stream, why) }
    this.#deps.stats.count('applied:data_trade')
    batch.trades.push({ trade, capturedTimeMs: frame.receivedTimeMs, origin, marketId: undefined })
  }

  #applyActivity(context: FrameContext): void {
    const { frame, batch } = context
    const parsed = this.#deps.parseActivity(frame.text)
    if (parsed.type === 'rejected') return this.#reject('bad_message', parsed.detail, context)
    const { activity } = parsed
    if (!isPossibleTime(activity, frame)) {
      return this.#reject('bad_message', `venue time ${activity.exchangeTimeMs} cannot be`, context)
    }
    const why = { reason: 'unknown_market', detail: `condition "${activity.conditionId}" is no known market` }
    const origin = { type: 'frame' as const, letter: toDeadLetter(context, this.stream, why) }
    this.#deps.stats.count('applied:data_activity')
    batch.activities.push({ activity, capturedTimeMs: frame.receivedTimeMs, origin, marketId: undefined })
  }

  #reject(reason: string, detail: string, context: FrameContext): void {
    this.#deps.stats.count('deadLetters')
    addDeadLetter(context, this.stream, { reason, detail })
  }
}
