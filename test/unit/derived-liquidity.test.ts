import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { levelEvents } from '../../src/derived/liquidity-rows.ts'
import { OutcomeLiquidity } from '../../src/derived/liquidity.ts'
import { createMarketLiquidity, type MarketLiquidity } from '../../src/derived/market-liquidity.ts'
import { createRecordingEvents } from '../../src/derived/recording-events.ts'
import type { LiquidityEvent } from '../../src/domain/liquidity-event.ts'
import type { KeptProgress, OutcomeLiquidityProgress } from '../../src/domain/progress.ts'
import { createStats } from '../../src/lib/stats.ts'
import { newBatch, type FillRow } from '../../src/normalizer/batch.ts'
import { keptTextOf } from '../../src/normalizer/listener.ts'
import { cellsOf, createLiquidityTruth } from '../support/liquidity-truth.ts'
import { parseLine, type Row } from '../support/normalizer-rows.ts'
import { newTape } from '../support/normalizer-tape.ts'
import { acts, Venue, type Act } from '../support/normalizer-venue.ts'

const OUTCOMES = ['9:0', '9:1']
const stats = createStats()

/** A tape that keeps so many levels a side, with its listeners; `restart` gives it new ones that know what a commit would have kept, and no more. */
const follow = (depth: number) => {
  const venue = new Venue()
  const tape = newTape()
  tape.depth = depth
  /** What is kept of the levels is no matter: the truth has the rows of all. */
  const whole = newTape()
  const wholeBatch = newBatch()
  const batch = newBatch()
  const truth = createLiquidityTruth(OUTCOMES)
  let liquidity: MarketLiquidity
  let [entryCount, rowCount] = [0, 0]
  const listen = (): void => {
    liquidity = createMarketLiquidity(tape, stats)
    tape.listeners.splice(0, tape.listeners.length, liquidity, createRecordingEvents(tape))
  }
  listen()
  return {
    tape,
    batch,
    truth,
    play: (act: Act): void => {
      venue.play([act])
      for (const entry of venue.entries.slice(entryCount)) {
        tape.apply(entry, batch)
        whole.apply(entry, wholeBatch)
      }
      entryCount = venue.entries.length
      for (const line of wholeBatch.bookLines.slice(rowCount)) truth.row(parseLine(line))
      rowCount = wholeBatch.bookLines.length
    },
    tell: (fill: FillRow): void => {
      liquidity.afterFill?.(fill, batch)
      truth.fill(fill)
    },
    /** What is kept again and again is what it is then, though most of it is as it was. */
    commit: (): void => {
      keptTextOf(tape)
    },
    restart: (): void => {
      tape.kept = JSON.parse(keptTextOf(tape)) as KeptProgress
      listen()
    },
    tick: (clockMs: number): boolean => {
      truth.tick(clockMs)
      return liquidity.close(clockMs, batch)
    },
    nowMs: () => venue.timeMs,
  }
}

const trade = fc.record({
  type: fc.constant('told'),
  outcomeId: fc.constantFrom(...OUTCOMES),
  side: fc.constantFrom('buy' as const, 'sell' as const),
  priceText: fc.constantFrom('0.1', '0.2', '0.3', '0.4', '0.6', '0.7', '0.8', '0.9'),
  sizeText: fc.constantFrom('1', '2', '48.5', '50.5'),
  transactionHash: fc.constantFrom('0xa', '0xb', '0xc'),
  ordinal: fc.nat(5),
  laterMs: fc.integer({ min: -120, max: 90 }),
})
const step = fc.oneof(
  { weight: 10, arbitrary: acts.filter(({ length }) => length > 0).map((all) => ({ type: 'acts' as const, all: all.slice(0, 4) })) }, // prettier-ignore
  { weight: 6, arbitrary: trade },
  { weight: 2, arbitrary: fc.constant({ type: 'restart' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('tick' as const), aheadMs: fc.constantFrom(0, 700, 1_700, 5_000) }),
  },
)
const steps = fc.array(step, { maxLength: 25, size: 'max' })

type Told = Pick<FillRow, 'outcomeId' | 'side' | 'priceText' | 'sizeText' | 'transactionHash' | 'ordinal'> & {
  laterMs: number
}
const fillOf = ({ laterMs, ...told }: Told, nowMs: number): FillRow => ({
  ...told,
  marketId: '9',
  capturedTimeMs: nowMs + laterMs,
  exchangeTimeMs: nowMs,
  sourceReceivedTimeMs: undefined,
  epoch: 'e',
})

const SIDES = ['bid', 'ask'] as const
const dense = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constant('change' as const), side: fc.constantFrom(...SIDES), size: fc.nat(4) }) }, // prettier-ignore
    { weight: 4, arbitrary: fc.record({ type: fc.constant('trade' as const), side: fc.constantFrom(...SIDES), size: fc.integer({ min: 1, max: 4 }) }) }, // prettier-ignore
    { weight: 3, arbitrary: fc.record({ type: fc.constant('wait' as const), waitMs: fc.constantFrom(5, 60, 99, 150, 400) }) }, // prettier-ignore
    { weight: 2, arbitrary: fc.record({ type: fc.constant('back' as const), backMs: fc.constantFrom(1, 28, 90) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('cut' as const, 'restart' as const) }) },
  ),
  { maxLength: 80, size: 'max' },
)
type Dense = typeof dense extends fc.Arbitrary<(infer T)[]> ? T : never

/** One level a side of one outcome, with its clock; closed at each instant, as a busy market is. */
const followLevels = () => {
  const truth = createLiquidityTruth(['9:0'])
  const events: LiquidityEvent[] = []
  const sizes = { bid: 0, ask: 0 }
  let liquidity = new OutcomeLiquidity()
  let [timeMs, newestTimeMs, changedTimeMs, sequence] = [1_790_000_000_900, 0, 0, 0]
  const rowOf = (kind: Row['kind'], side: Row['side'], size: number): Row => ({
    id: 0,
    sequence,
    capturedTimeMs: changedTimeMs,
    outcomeId: '9:0',
    kind,
    side,
    price: '0.5',
    size: String(size),
  })
  const snapshot = (): void => {
    sequence += 1
    for (const side of SIDES) truth.row(rowOf('snapshot', side, sizes[side]))
  }
  const close = (): void => {
    newestTimeMs = Math.max(newestTimeMs, timeMs)
    for (const level of liquidity.close(newestTimeMs)) events.push(...levelEvents('9', '9:0', level))
    liquidity.forgetTrades(newestTimeMs)
  }
  const commit = (): string => liquidity.keptText()
  const play = (one: Dense): void => {
    commit()
    sequence += 1
    switch (one.type) {
      case 'wait':
        timeMs += one.waitMs
        return close()
      case 'back':
        timeMs = Math.max(newestTimeMs, timeMs) - one.backMs
        return
      case 'change':
        changedTimeMs = one.size === sizes[one.side] ? changedTimeMs : Math.max(changedTimeMs, timeMs)
        if (one.size !== sizes[one.side])
          liquidity.change(one.side, 500_000, (one.size - sizes[one.side]) * 1e6, timeMs)
        sizes[one.side] = one.size
        return truth.row(rowOf('change', one.side, one.size))
      case 'trade': {
        liquidity.trade({ timeMs, side: one.side, price: 500_000, size: one.size * 1e6 })
        const told = { outcomeId: '9:0', side: one.side === 'ask' ? 'buy' : 'sell', priceText: '0.5' } as const
        const said = { sizeText: String(one.size), transactionHash: `0x${sequence}`, ordinal: 0, laterMs: 0 }
        return truth.fill(fillOf({ ...told, ...said }, timeMs))
      }
      case 'cut':
        liquidity.cut()
        return snapshot()
      case 'restart': {
        const kept = JSON.parse(commit()) as OutcomeLiquidityProgress
        liquidity = new OutcomeLiquidity()
        liquidity.restore(kept)
      }
    }
  }
  snapshot()
  return {
    play,
    finish: () => {
      timeMs += 60_000
      close()
      return { events, cells: truth.cells() }
    },
  }
}

const keyOf = ({ outcomeId, type, side, priceText, observedTimeMs, identity }: LiquidityEvent): string =>
  [outcomeId, type, side, priceText, observedTimeMs, identity].join(' ')

describe('liquidity of the levels', () => {
  test('explains decreases by the trades around them as brute force does', () => {
    fc.assert(
      fc.property(dense, (all) => {
        const followed = followLevels()
        for (const one of all) followed.play(one)
        const { events, cells } = followed.finish()
        expect(cellsOf(events)).toEqual(cells)
      }),
      { numRuns: 400 },
    )
  })

  test('equals brute force over the rows of the whole books and the fills, whatever comes and is kept, however often it restarts, and however far the wall clock is ahead', () => {
    fc.assert(
      fc.property(steps, fc.constantFrom(0, 1, 2), (all, depth) => {
        const followed = follow(depth)
        for (const one of all) {
          if (one.type === 'acts') for (const act of one.all) followed.play(act)
          else if (one.type === 'told') followed.tell(fillOf(one, followed.nowMs()))
          else if (one.type === 'restart') followed.restart()
          else followed.tick(followed.tape.receivedTimeMs + one.aheadMs)
          followed.commit()
        }
        followed.tick(followed.nowMs() + 60_000)
        const { liquidity } = followed.batch
        expect(cellsOf(liquidity)).toEqual(followed.truth.cells())
        expect(new Set(liquidity.map(keyOf)).size).toBe(liquidity.length)
        expect(followed.tick(followed.nowMs() + 120_000)).toBe(false)
      }),
      { numRuns: 60 },
    )
  })
})
