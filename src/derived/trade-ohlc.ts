import { fromMillionths } from '../domain/decimal.ts'
import type { Metric, Slots } from './metric.ts'
import { get } from './slots.ts'

/** Prices are kept one higher: 0 is a bucket without trades, and a price may be 0. */
const OPEN = 0
const HIGH = 1
const LOW = 2
const CLOSE = 3
const OPEN_TIME = 4
const CLOSE_TIME = 5
const PLACES = [OPEN, HIGH, LOW, CLOSE]

/** Trades of two connections need not come in the order of their receive times, so those are kept. */
const take = (slots: Slots, at: number, from: Slots | readonly number[], fromAt: number): void => {
  const of = (place: number): number => from[fromAt + place] ?? 0
  if (of(OPEN) === 0) return
  const isFirst = get(slots, at + OPEN) === 0
  if (isFirst || of(OPEN_TIME) < get(slots, at + OPEN_TIME)) {
    slots[at + OPEN] = of(OPEN)
    slots[at + OPEN_TIME] = of(OPEN_TIME)
  }
  if (isFirst || of(CLOSE_TIME) >= get(slots, at + CLOSE_TIME)) {
    slots[at + CLOSE] = of(CLOSE)
    slots[at + CLOSE_TIME] = of(CLOSE_TIME)
  }
  slots[at + HIGH] = Math.max(of(HIGH), get(slots, at + HIGH))
  slots[at + LOW] = isFirst ? of(LOW) : Math.min(of(LOW), get(slots, at + LOW))
}

/** First, highest, lowest and last price of the window's trades, by receive time, then by arrival. */
export const tradeOhlc: Metric = {
  name: 'trade_ohlc',
  types: ['trade_open', 'trade_high', 'trade_low', 'trade_close'],
  width: 6,
  trade: (slots, at, { price, capturedTimeMs }) => {
    const kept = price + 1
    take(slots, at, [kept, kept, kept, kept, capturedTimeMs, capturedTimeMs], 0)
  },
  merge: take,
  read: (slots, at) =>
    PLACES.map((place) => {
      const kept = get(slots, at + place)
      return kept === 0 ? undefined : fromMillionths(kept - 1)
    }),
}
