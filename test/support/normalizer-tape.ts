import type { Level } from '../../src/domain/book-side.ts'
import type { StreamEntry } from '../../src/domain/frame.ts'
import type { Market } from '../../src/domain/market.ts'
import { createStats, type Stats } from '../../src/lib/stats.ts'
import { newBatch, type Batch } from '../../src/normalizer/batch.ts'
import type { CheckpointRow } from '../../src/normalizer/checkpoint-row.ts'
import { restoreTape, toCheckpoints } from '../../src/normalizer/checkpoint.ts'
import { Judge } from '../../src/normalizer/judge.ts'
import { MarketTape } from '../../src/normalizer/market-tape.ts'
import type { OutcomeTape } from '../../src/normalizer/outcome-tape.ts'
import { parseMarketMessage, parseRestBook } from '../../src/venue/polymarket/mapper.ts'
import { levelKey, parseLine, type Row } from './normalizer-rows.ts'

export const TOKENS = ['7001', '7002'] as const

export const testMarket: Market = {
  marketId: '9',
  conditionId: '0x09',
  slug: 'a-market',
  question: 'A question?',
  status: 'active',
  outcomes: TOKENS.map((token, index) => ({ outcomeId: `9:${index}`, name: `n${index}`, token })),
  feeBps: undefined,
  endTimeMs: undefined,
  tickSize: '0.01',
  minOrderSize: '5',
  negRisk: false,
  version: undefined,
}

export type JudgeLimits = { now?: () => number; searchHashesPerSecond?: number }

/** A tape whose checks are never shed, unless the test says that it lags. */
export const newTapeOf = (of: Market, limits: JudgeLimits = {}): { tape: MarketTape; stats: Stats } => {
  const stats = createStats()
  const given = { now: Date.now, shedLagMs: 60_000, searchHashesPerSecond: 1_000_000_000, ...limits }
  const judge = new Judge({ stats, ...given })
  return { tape: new MarketTape(of, { parseMessage: parseMarketMessage, parseRestBook, judge, stats }), stats }
}

export const newTape = (): MarketTape => newTapeOf(testMarket).tape

export const applyAll = (tape: MarketTape, entries: StreamEntry[], batch: Batch = newBatch()): Batch => {
  for (const entry of entries) tape.apply(entry, batch)
  return batch
}

export const rowsOf = (batch: Batch): Row[] => batch.bookLines.map(parseLine)

/** Checkpoints as they come back from Postgres: jsonb has no `undefined`. */
export const storedCheckpoints = (tape: MarketTape): CheckpointRow[] =>
  toCheckpoints(tape).map((row) => ({ ...row, resume: JSON.parse(JSON.stringify(row.resume)) as typeof row.resume }))

export const restored = (checkpoints: CheckpointRow[]): MarketTape => {
  const tape = newTape()
  restoreTape(tape, checkpoints)
  return tape
}

/** The tape's levels in the form of `bookOfRows`. */
export const levelsOf = ({ book }: OutcomeTape): Map<string, string> => {
  const { bids, asks } = book.top(0)
  const toPair = (side: string) => (level: Level) =>
    [levelKey(side, level.priceText), String(Number(level.sizeText))] as const
  return new Map([...bids.map(toPair('bid')), ...asks.map(toPair('ask'))])
}
