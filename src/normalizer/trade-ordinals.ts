import { createHash } from 'node:crypto'
import type { TradeEvent } from '../domain/event.ts'
import type { Frame } from '../domain/frame.ts'
import type { FillRow } from './batch.ts'

/**
 * How often each trade came: `[digest of the key, count, newest receive time in epoch ms]`, the longest unseen first.
 * Part of a checkpoint, so that a restart goes on counting.
 */
export type TradeCounts = [digest: string, count: number, receivedTimeMs: number][]

/**
 * The fills of one transaction come within a second (1 to 88 ms were seen). Two minutes also hold those that waited for
 * a Redis that was away, since the receive time is the feed's.
 */
const WINDOW_MS = 120_000
/** Bounds the checkpoint to about 17 KB an outcome at an absurd rate of trades. */
const MOST_KEYS = 512
/** 66 bits: two of 512 keys share a digest once in 10^14 times, and then a fill gets a higher ordinal and is kept. */
const DIGEST_LENGTH = 11

/**
 * Numbers equal trades of one connection: 0, 1, 2 …
 *
 * The venue gives no trade id, and fills that are equal in all fields occur within one transaction. So the identity of a
 * fill is what it says and the how-manieth of its kind it is *on its connection*: the copies that a second connection
 * brings get the same numbers and are found in Postgres, and of several connections the count is the maximum, not the
 * sum. Without a transaction hash (older recordings) the venue's time takes its place: the same price and size at
 * another time is another fill.
 *
 * Bounded by the receive times in the frames, never by a clock, so that a replay of the stream numbers alike.
 */
export class TradeOrdinals {
  /** In the order in which keys were last seen. */
  #counts = new Map<string, { count: number; receivedTimeMs: number }>()

  /** Ordinal of a trade that came over the connection `epoch`. */
  next(event: TradeEvent, epoch: string, receivedTimeMs: number): number {
    const digest = digestOf(event, epoch)
    const ordinal = this.#counts.get(digest)?.count ?? 0
    this.#counts.delete(digest)
    this.#counts.set(digest, { count: ordinal + 1, receivedTimeMs })
    this.#forgetBefore(receivedTimeMs - WINDOW_MS)
    return ordinal
  }

  snapshot(): TradeCounts {
    return [...this.#counts].map(([digest, { count, receivedTimeMs }]) => [digest, count, receivedTimeMs])
  }

  /** Undefined: a checkpoint of before there were counts. */
  restore(counts: TradeCounts | undefined): void {
    const entries = (counts ?? []).map(
      ([digest, count, receivedTimeMs]) => [digest, { count, receivedTimeMs }] as const,
    )
    this.#counts = new Map(entries)
  }

  #forgetBefore(timeMs: number): void {
    for (const [digest, { receivedTimeMs }] of this.#counts) {
      if (this.#counts.size <= MOST_KEYS && receivedTimeMs >= timeMs) return
      this.#counts.delete(digest)
    }
  }
}

const digestOf = ({ takerSide, level, transactionHash, exchangeTimeMs }: TradeEvent, epoch: string): string =>
  createHash('sha1')
    .update(`${epoch} ${takerSide} ${level.price} ${level.size} ${transactionHash ?? `at ${exchangeTimeMs}`}`)
    .digest('base64url')
    .slice(0, DIGEST_LENGTH)

export type FillPlace = { marketId: string; outcomeId: string; frame: Frame; epoch: string; ordinal: number }

/** The row of a trade. `ordinal` numbers equal trades of the connection `epoch`. */
export const toFill = (event: TradeEvent, { marketId, outcomeId, frame, epoch, ordinal }: FillPlace): FillRow => ({
  marketId,
  outcomeId,
  side: event.takerSide,
  priceText: event.level.priceText,
  sizeText: event.level.sizeText,
  transactionHash: event.transactionHash,
  capturedTimeMs: frame.receivedTimeMs,
  exchangeTimeMs: event.exchangeTimeMs,
  sourceReceivedTimeMs: frame.sourceReceivedTimeMs,
  ordinal,
  epoch,
})
