import type { StreamEntry } from '../domain/frame.ts'
import { marketOfStream, TRADES_STREAM } from '../domain/keys.ts'
import { addDeadLetter, type Batch } from '../normalizer/batch.ts'
import { Judge } from '../normalizer/judge.ts'
import { MarketTape, type TapeDeps } from '../normalizer/market-tape.ts'
import { sealDay } from '../normalizer/seal.ts'
import { SharedTape, type SharedTapeDeps } from '../normalizer/shared-tape.ts'
import { TradesTape, type TradesTapeDeps } from '../normalizer/trades-tape.ts'
import { findClosed, openOffsets, type StoredOffset } from '../store/offsets.ts'
import { decodeEntry } from '../stream/entry.ts'
import type { RawEntry, Reader } from '../stream/read.ts'
import { parseDataActivity, parseDataTrade } from '../venue/polymarket/data-mapper.ts'
import { parseGammaMarket } from '../venue/polymarket/gamma-market.ts'
import { parseMarketMessage, parseRestBook } from '../venue/polymarket/mapper.ts'
import type { NormalizerDeps } from './normalizer-deps.ts'
import type { Derivation } from './normalizer-listeners.ts'
import { openMarkets, ownFrame } from './normalizer-open.ts'

export type Tape = MarketTape | SharedTape | TradesTape

export const marketsAmong = (tapes: Iterable<Tape>): MarketTape[] =>
  [...tapes].filter((tape) => tape instanceof MarketTape)

/** Streams recovered at a time: each may bring some hundred entries. */
const OPENED_AT_ONCE = 50

const isMarketStream = ({ stream }: StoredOffset): boolean => marketOfStream(stream) !== undefined

/** The tapes of a shard by stream. A stream whose market is not known yet is parked: its entries wait in Redis. */
export class Tapes {
  readonly parked = new Set<string>()
  readonly judge: Judge
  readonly #open = new Map<string, Tape>()
  readonly #deps: NormalizerDeps
  readonly #reader: Reader
  readonly #parsers: SharedTapeDeps & TapeDeps & TradesTapeDeps
  readonly #listening: Derivation

  constructor(deps: NormalizerDeps, reader: Reader, listening: Derivation) {
    this.#deps = deps
    this.#listening = listening
    this.#reader = reader
    const { VERIFY_SHED_LAG_MS: shedLagMs, VERIFY_SEARCH_HASHES: searchHashesPerSecond } = deps.config
    this.judge = new Judge({ stats: deps.stats, now: Date.now, shedLagMs, searchHashesPerSecond })
    this.#parsers = {
      parseMessage: parseMarketMessage,
      parseRestBook,
      parseCatalogue: parseGammaMarket,
      parseTrade: parseDataTrade,
      parseActivity: parseDataActivity,
      judge: this.judge,
      stats: deps.stats,
    }
  }

  get(stream: string): Tape | undefined {
    return this.#open.get(stream)
  }

  streams(): string[] {
    return [...this.#open.keys()]
  }

  markets(): MarketTape[] {
    return marketsAmong(this.#open.values())
  }

  /** Opens the tapes of streams that are not open yet; returns the new ones. */
  async openAll(streams: Iterable<string>): Promise<Tape[]> {
    const closed = [...new Set(streams)].filter((stream) => !this.#open.has(stream))
    const opened: Tape[] = []
    for (let at = 0; at < closed.length; at += OPENED_AT_ONCE) {
      opened.push(...(await this.#openSome(closed.slice(at, at + OPENED_AT_ONCE))))
    }
    return opened
  }

  /** Its memory goes. Whatever is still to be done of it must be done. */
  close(tape: MarketTape): void {
    this.#open.delete(tape.stream)
    this.#listening.close(tape)
  }

  /**
   * Of these streams those that are to be opened: not open yet, and not closed with nothing but its last entry in Redis.
   * A tail before the offset (Redis lost entries) is more than that. Streams of resolved markets are deleted; of those
   * that were stopped the last entry stays: its epoch says which connections are too old for a resume.
   */
  async waking(streams: string[]): Promise<string[]> {
    const unopened = streams.filter((stream) => !this.#open.has(stream))
    const closed = await findClosed(this.#deps.pool, unopened)
    const tails = await this.#reader.tails(closed.map(({ stream }) => stream))
    const asleep = closed.filter(({ stream, lastId }) => (tails.get(stream) ?? lastId) === lastId)
    const over = asleep.filter(({ isResolved }) => isResolved)
    await Promise.all(over.map(({ stream, lastId }) => this.#reader.discard(stream, lastId)))
    const names = new Set(asleep.map(({ stream }) => stream))
    return unopened.filter((stream) => !names.has(stream))
  }

  /** Applies one raw entry. One that is not ours goes to the dead letters and opens a gap: it is never applied. */
  apply(tape: Tape, raw: RawEntry, batch: Batch): void {
    const decoded = decodeEntry(tape.stream, raw, this.#deps.signing)
    if (decoded.type === 'entry') {
      if (tape instanceof MarketTape) this.#prepare(tape, decoded.entry, batch)
      return tape.apply(decoded.entry, batch)
    }
    const [entryId] = raw
    const frame = { ...ownFrame(), text: decoded.raw }
    this.#deps.stats.count('deadLetters')
    this.#deps.stats.count('badSignatures')
    addDeadLetter({ frame, batch, entryId, ordinal: 0 }, tape.stream, decoded)
    tape.lastId = entryId
    if (tape instanceof MarketTape) tape.openGaps('bad_signature', decoded.detail, { frame, batch })
  }

  #prepare(tape: MarketTape, entry: StreamEntry, batch: Batch): void {
    const [first] = entry.frames
    if (first !== undefined) this.judge.lagMs = Date.now() - first.receivedTimeMs
    sealDay(tape, entry, batch)
  }

  async #openSome(streams: string[]): Promise<Tape[]> {
    const { pool, signing, log } = this.#deps
    const offsets = await openOffsets(pool, streams)
    const shared = offsets.filter((offset) => !isMarketStream(offset)).map((offset) => this.#openShared(offset))
    const parts = { pool, reader: this.#reader, signing, parsers: this.#parsers, log }
    const markets = await openMarkets(parts, offsets.filter(isMarketStream))
    await this.#listening.open(markets)
    const tapes = [...shared, ...markets]
    for (const stream of streams) this.parked.add(stream)
    for (const tape of tapes) {
      this.#open.set(tape.stream, tape)
      this.parked.delete(tape.stream)
    }
    return tapes
  }

  #openShared({ stream, lastId }: StoredOffset): SharedTape | TradesTape {
    const tape = stream === TRADES_STREAM ? new TradesTape(this.#parsers) : new SharedTape(stream, this.#parsers)
    tape.lastId = lastId
    tape.sealedId = lastId
    return tape
  }
}
