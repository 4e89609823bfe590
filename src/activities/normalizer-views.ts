import { CacheFenceLost, type HotCache, type LadderWrite, type MarketWrite } from '../cache/hot-cache.ts'
import type { Level } from '../domain/book-side.ts'
import type { Observation, ObservedBook } from '../domain/observation.ts'
import { writesRows } from '../domain/shed.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'
import type { OutcomeTape } from '../normalizer/outcome-tape.ts'
import { toQuote } from '../normalizer/seal.ts'

const toPairs = (levels: Level[]): [string, string][] => levels.map((level) => [level.priceText, level.sizeText])

const toLadder = (tape: MarketTape, { book, writer: { ladder, depth, tier } }: OutcomeTape): LadderWrite => {
  if (!tape.isShown || !writesRows(tier)) return { isWhole: true, bids: [], asks: [] }
  if (!ladder.isWhole) return { isWhole: false, bids: ladder.side('bid'), asks: ladder.side('ask') }
  const { bids, asks } = book.top(depth)
  return { isWhole: true, bids: toPairs(bids), asks: toPairs(asks) }
}

const toWrite = (tape: MarketTape, nowMs: number, shown: WeakMap<MarketTape, string>): MarketWrite => {
  const quote = toQuote(tape, nowMs)
  const bidPrice = quote.bid?.priceText ?? ''
  const bidSize = quote.bid?.sizeText ?? ''
  const askPrice = quote.ask?.priceText ?? ''
  const askSize = quote.ask?.sizeText ?? ''
  const text = `${bidPrice} ${bidSize} ${askPrice} ${askSize} ${quote.state}`
  const isQuoteChanged = shown.get(tape) !== text
  shown.set(tape, text)
  return {
    marketId: quote.marketId,
    bidPrice,
    bidSize,
    askPrice,
    askSize,
    sequence: quote.sequence,
    verifiedSequence: String(quote.verifiedSequence ?? ''),
    state: quote.state,
    sourceTime: quote.exchangeTimeMs === undefined ? '' : String(quote.exchangeTimeMs),
    updatedTime: String(nowMs),
    applied: tape.outcomes.map(({ exchangeTimeMs, hash }) => `${exchangeTimeMs ?? ''}:${hash ?? ''}`).join(' '),
    epoch: tape.epoch,
    // It changes with whole ladders only.
    depth: tape.outcomes.some(({ writer }) => writer.ladder.isWhole) ? String(tape.depth) : '',
    isQuoteChanged,
    ladders: tape.outcomes
      .filter((outcome) => !outcome.writer.ladder.isEmpty || !tape.isShown)
      .map((outcome) => ({ outcomeId: outcome.outcome.outcomeId, write: toLadder(tape, outcome) })),
  }
}

/** Perhaps nobody holds what was written of it, and nobody heard it. */
const forget = (tape: MarketTape, shown: WeakMap<MarketTape, string>): void => {
  shown.delete(tape)
  for (const outcome of tape.outcomes) outcome.writer.ladder.replaceAll()
}

const toObservedBook = ({ outcomes, isShown }: MarketTape): ObservedBook => {
  const { bid, ask } = isShown ? (outcomes[0]?.book.best() ?? {}) : {}
  return {
    bidPrice: bid?.priceText ?? '',
    askPrice: ask?.priceText ?? '',
    gapsOpen: outcomes.filter(({ status }) => status === 'gap').length,
    outcomesProved: outcomes.filter(({ isProved }) => isProved).length,
  }
}

const toObservation = (tape: MarketTape, atTimeMs: number): Observation => {
  const { state, depth, sequence, epoch: feedEpoch, market } = tape
  return { marketId: market.marketId, state, depth, sequence, atTimeMs, feedEpoch, book: toObservedBook(tape) }
}

const createTelling = (report: (observation: Observation) => void) => {
  const told = new WeakMap<MarketTape, Pick<Observation, 'state' | 'depth'>>()
  return {
    /** What there is to tell of these, as they stand at this instant. */
    look: (tapes: MarketTape[], atTimeMs: number): [MarketTape, Observation][] =>
      tapes
        .filter((tape) => told.get(tape)?.state !== tape.state || told.get(tape)?.depth !== tape.depth)
        .map((tape) => [tape, toObservation(tape, atTimeMs)]),

    tell: (tape: MarketTape, observation: Observation): void => {
      told.set(tape, { state: observation.state, depth: observation.depth })
      report(observation)
    },
  }
}

export type ViewsDeps = { cache: HotCache; report: (observation: Observation) => void; stats: Stats; log: Logger }

type Written = {
  /** The quote that was told of each last. */
  shown: WeakMap<MarketTape, string>
  /** Markets whose last write failed. */
  behind: Set<MarketTape>
}

const createWriting = ({ cache, stats, log }: ViewsDeps, { shown, behind }: Written) => {
  return async (writes: MarketWrite[], tapes: MarketTape[]): Promise<void> => {
    try {
      await cache(writes)
      // One that failed meanwhile has its ladders marked whole again: it stays behind.
      const written = tapes.filter(({ outcomes }) => outcomes.every(({ writer }) => !writer.ladder.isWhole))
      const markets = written.filter((tape) => behind.delete(tape)).length
      if (markets > 0) log.info({ markets }, 'the hot cache is written again')
    } catch (error) {
      if (error instanceof CacheFenceLost) throw error
      stats.count('cacheErrors')
      if (behind.size === 0) log.error({ error }, 'the hot cache could not be written; ladders will be rewritten whole')
      for (const tape of tapes) {
        behind.add(tape)
        forget(tape, shown)
      }
    }
  }
}

/** What readers see of the tapes before their commit: the hot cache, and each market's state for its workflow. */
export const createViews = (deps: ViewsDeps) => {
  const shown = new WeakMap<MarketTape, string>()
  const behind = new Set<MarketTape>()
  const { look, tell } = createTelling(deps.report)
  const writeCache = createWriting(deps, { shown, behind })
  /** Writes that are on their way, or wait for their turn. */
  const writing = new Set<MarketTape[]>()
  let last: Promise<unknown> = Promise.resolve()

  const showNow = async (changed: MarketTape[]): Promise<void> => {
    const tapes = [...new Set([...changed, ...behind])]
    if (tapes.length === 0) return
    const nowMs = Date.now()
    const writes = tapes.map((tape) => toWrite(tape, nowMs, shown))
    for (const tape of tapes) for (const outcome of tape.outcomes) outcome.writer.ladder.clear()
    // As they stand at that instant: what a tape became while it was written, told of the time before, would be taken for old.
    const news = look(tapes, nowMs)
    await writeCache(writes, tapes)
    for (const [tape, observation] of news) tell(tape, observation)
  }

  /**
   * One at a time, and each says what stands when its turn comes: of a write of several calls the last one must not put an
   * older state over that of a newer write.
   */
  const inTurn = (changed: Iterable<MarketTape>, write: (tapes: MarketTape[]) => Promise<void>): Promise<void> => {
    const tapes = [...changed]
    writing.add(tapes)
    const turn = last.then(() => write(tapes)).finally(() => writing.delete(tapes))
    last = turn.catch(() => undefined)
    return turn
  }

  return {
    /** Writes what changed of these markets, and of those whose last write failed. */
    show: (changed: Iterable<MarketTape>): Promise<void> => inTurn(changed, showNow),

    /** Writes these markets whole, and tells their quotes: the cache may have lost what it held, and who listens what was told. */
    showAnew: (anew: MarketTape[]): Promise<void> =>
      inTurn(anew, (tapes) => {
        for (const tape of tapes) forget(tape, shown)
        return showNow(tapes)
      }),

    /** Whether all that changed of it is written. */
    isWritten: (tape: MarketTape): boolean => !behind.has(tape) && ![...writing].some((tapes) => tapes.includes(tape)),
  }
}

export type Views = ReturnType<typeof createViews>
