import type { LevelChange } from '../domain/book.ts'
import type { LiquidityProgress } from '../domain/progress.ts'
import { writesRows } from '../domain/shed.ts'
import type { Stats } from '../lib/stats.ts'
import type { Batch, FillRow } from '../normalizer/batch.ts'
import type { MarketListener } from '../normalizer/listener.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'
import type { OutcomeTape } from '../normalizer/outcome-tape.ts'
import { AHEAD_MS, CLOSE_AFTER_MS, OutcomeLiquidity } from './liquidity.ts'
import { addLiquidity, levelEvents } from './liquidity-rows.ts'
import { toLevelTrades } from './liquidity-trades.ts'

/** A trade that is older than this finds no open span any more, however often it comes. */
const REMEMBER_MS = CLOSE_AFTER_MS + AHEAD_MS

/** As many of a transaction's hash as tell trades of a few seconds apart: they are written with each commit. */
const HASH_LETTERS = 16

/** Two connections may bring a trade; equal ones of one connection have ordinals. */
const tradeKey = ({
  outcomeId,
  side,
  priceText,
  sizeText,
  transactionHash,
  exchangeTimeMs,
  ordinal,
}: FillRow): string =>
  `${transactionHash?.slice(-HASH_LETTERS) ?? exchangeTimeMs} ${outcomeId} ${side} ${priceText} ${sizeText} ${ordinal}`

type Told = [key: string, timeMs: number]

const createTold = (kept: Told[] = []) => {
  /** With the JSON that is kept of each. */
  const told = new Map<string, { timeMs: number; text: string }>()
  const tell = (one: Told): void => void told.set(one[0], { timeMs: one[1], text: JSON.stringify(one) })
  kept.forEach(tell)
  return {
    isNew: (fill: FillRow): boolean => {
      const key = tradeKey(fill)
      if (told.has(key)) return false
      tell([key, fill.capturedTimeMs])
      return true
    },
    forget: (untilMs: number): void => {
      for (const [key, { timeMs }] of told) if (timeMs + REMEMBER_MS < untilMs) told.delete(key)
    },
    isEmpty: (): boolean => told.size === 0,
    keptText: (): string => `[${Array.from(told.values(), ({ text }) => text).join(',')}]`,
  }
}

type OfOutcome = { outcomeId: string; liquidity: OutcomeLiquidity }

const noteChanges = ({ book }: OutcomeTape, changes: LevelChange[], noted: OutcomeLiquidity, timeMs: number): void => {
  for (const { side, level } of changes) {
    const delta = level.size - (book.side(side).at(level.price)?.size ?? 0)
    if (delta !== 0) noted.change(side, level.price, delta, timeMs)
  }
}

const noteTrade = (outcomes: OfOutcome[], fill: FillRow): void => {
  const { takers, others } = toLevelTrades(fill)
  for (const { outcomeId, liquidity } of outcomes) liquidity.trade(outcomeId === fill.outcomeId ? takers : others)
}

const restoreAll = (outcomes: OfOutcome[], kept: LiquidityProgress | undefined): void =>
  kept?.outcomes.forEach((one, index) => outcomes[index]?.liquidity.restore(one))

export type MarketLiquidity = MarketListener & {
  /** Tells what is final at an instant of the receive clock, up to which all was applied. True where there was something. */
  close: (clockMs: number, batch: Batch) => boolean
}

/**
 * What came to and left the books of one market. Goes on with what the tape's last commit kept. What is final is told
 * `phaseMs` later: the seconds of all markets end at one instant.
 */
export const createMarketLiquidity = (tape: MarketTape, stats: Stats, phaseMs = 0): MarketLiquidity => {
  const { marketId } = tape.market
  const outcomes = tape.outcomes.map(({ outcome: { outcomeId } }) => ({ outcomeId, liquidity: new OutcomeLiquidity() }))
  const byOutcome = new Map(outcomes.map(({ outcomeId, liquidity }) => [outcomeId, liquidity]))
  restoreAll(outcomes, tape.kept.liquidity)
  const trades = createTold(tape.kept.liquidity?.trades)

  const closeOne = ({ outcomeId, liquidity }: OfOutcome, untilMs: number, batch: Batch): boolean => {
    const count = liquidity.forgetTrades(untilMs)
    if (count > 0) stats.count('tradesNotInBook', count)
    if ((liquidity.dueTimeMs ?? Infinity) > untilMs) return false
    for (const level of liquidity.close(untilMs)) {
      for (const event of levelEvents(marketId, outcomeId, level)) addLiquidity(batch, event)
    }
    return true
  }

  const close = (clockMs: number, batch: Batch): boolean => {
    if (trades.isEmpty() && outcomes.every(({ liquidity }) => liquidity.isEmpty)) return false
    const untilMs = clockMs - phaseMs
    trades.forget(untilMs)
    return outcomes.map((one) => closeOne(one, untilMs, batch)).some(Boolean)
  }

  return {
    beforeChanges: (outcome, changes, { capturedTimeMs }) => {
      const noted = byOutcome.get(outcome.outcome.outcomeId)
      if (noted !== undefined && writesRows(outcome.writer.tier)) noteChanges(outcome, changes, noted, capturedTimeMs)
    },
    afterBook: ({ outcome: { outcomeId } }, kind) => {
      if (kind !== 'change') byOutcome.get(outcomeId)?.cut()
    },
    afterFill: (fill) => {
      const isBookTold = tape.outcomes.every(({ writer }) => writesRows(writer.tier))
      if (trades.isNew(fill) && isBookTold) noteTrade(outcomes, fill)
    },
    afterFrame: (_, { batch }) => void close(tape.receivedTimeMs, batch),
    afterEnd: (batch) => void close(Number.MAX_SAFE_INTEGER, batch),
    keep: () =>
      `"liquidity":{"trades":${trades.keptText()},"outcomes":[${outcomes.map(({ liquidity }) => liquidity.keptText()).join(',')}]}`,
    close,
  }
}
