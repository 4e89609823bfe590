import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMarketLiquidity, type MarketLiquidity } from '../../src/derived/market-liquidity.ts'
import { createRecordingEvents } from '../../src/derived/recording-events.ts'
import type { LiquidityEvent } from '../../src/domain/liquidity-event.ts'
import type { KeptProgress } from '../../src/domain/progress.ts'
import { createStats } from '../../src/lib/stats.ts'
import { newBatch, type FillRow } from '../../src/normalizer/batch.ts'
import { keptOf } from '../../src/normalizer/listener.ts'
import type { MarketTape } from '../../src/normalizer/market-tape.ts'
import { cellsOf, createLiquidityTruth } from '../support/liquidity-truth.ts'
import { parseLine } from '../support/normalizer-rows.ts'
import { newTape } from '../support/normalizer-tape.ts'
import { acts, Venue, type Act } from '../support/normalizer-venue.ts'

const OUTCOMES = ['9:0', '9:1']
const stats = createStats()

/** A tape with its listeners; `restart` gives it new ones that know what a commit would have kept, and no more. */
const follow = () => {
  const venue = new Venue()
  const tape = newTape()
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
      for (const entry of venue.entries.slice(entryCount)) tape.apply(entry, batch)
      entryCount = venue.entries.length
      for (const line of batch.bookLines.slice(rowCount)) truth.row(parseLine(line))
      rowCount = batch.bookLines.length
    },
    tell: (fill: FillRow): void => {
      liquidity.afterFill?.(fill, batch)
      truth.fill(fill)
    },
    restart: (): void => {
      tape.kept = JSON.parse(JSON.stringify(keptOf(tape))) as KeptProgress
      listen()
    },
    tick: (clockMs: number): boolean => liquidity.close(clockMs, batch),
    nowMs: () => venue.timeMs,
  }
}

const trade = fc.record({
  type: fc.constant('told'),
  outcomeId: fc.constantFrom(...OUTCOMES),
  side: fc.constantFrom('buy', 'sell'),
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
  { weight: 2, arbitrary: fc.constant({ type: 'tick' as const }) },
)
const steps = fc.array(step, { maxLength: 40 })

const fillOf = ({ laterMs, ...told }: typeof trade extends fc.Arbitrary<infer T> ? T : never, nowMs: number): FillRow => ({
  ...(told as Pick<FillRow, 'outcomeId' | 'side' | 'priceText' | 'sizeText' | 'transactionHash' | 'ordinal'>),
  marketId: '9',
  capturedTimeMs: nowMs + laterMs,
  exchangeTimeMs: nowMs,
  sourceReceivedTimeMs: undefined,
  epoch: 'e',
})

const keyOf = ({ outcomeId, type, side, priceText, observedTimeMs, identity }: LiquidityEvent): string =>
  [outcomeId, type, side, priceText, observedTimeMs, identity].join(' ')

describe('liquidity of the levels', () => {
  test('equals brute force over the rows of the books and the fills, whatever comes and however often it restarts', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const followed = follow()
        for (const one of all) {
          if (one.type === 'acts') for (const act of one.all) followed.play(act)
          else if (one.type === 'told') followed.tell(fillOf(one, followed.nowMs()))
          else if (one.type === 'restart') followed.restart()
          else followed.tick(followed.tape.receivedTimeMs)
        }
        followed.tick(followed.nowMs() + 60_000)
        const { liquidity } = followed.batch
        expect(cellsOf(liquidity)).toEqual(followed.truth.cells())
        expect(new Set(liquidity.map(keyOf)).size).toBe(liquidity.length)
        expect(followed.tick(followed.nowMs() + 120_000)).toBe(false)
      }),
      { numRuns: 300 },
    )
  })
})
