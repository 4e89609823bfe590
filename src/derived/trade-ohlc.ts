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
const take = (slots: Slots, at: number, from: Slots, fromAt: number): void => {
  if (get(from, fromAt + OPEN) === 0) return
  const isFirst = get(slots, at + OPEN) === 0
  if (isFirst || get(from, fromAt + OPEN_TIME) < get(slots, at + OPEN_TIME)) {
    slots[at + OPEN] = get(from, fromAt + OPEN)
    slots[at + OPEN_TIME] = get(from, fromAt + OPEN_TIME)
  }
  if (isFirst || get(from, fromAt + CLOSE_TIME) >= get(slots, at + CLOSE_TIME)) {
    slots[at + CLOSE] = get(from, fromAt + CLOSE)
    slots[at + CLOSE_TIME] = get(from, fromAt + CLOSE_TIME)
  }
  slots[at + HIGH] = Math.max(get(from, fromAt + HIGH), get(slots, at + HIGH))
  slots[at + LOW] = isFirst ? get(from, fromAt + LOW) : Math.min(get(from, fromAt + LOW), get(slots, at + LOW))
}

/** First, highest, lowest and last price of the window's trades, by receive time, then by arrival. */
export const tradeOhlc: Metric = {
  name: 'trade_ohlc',
  types: ['trade_open', 'trade_high', 'trade_low', 'trade_close'],
  width: 6,
  trade: (slots, at, { price, capturedTimeMs }) => {
    const kept = price + 1
    take(slots, at, Float64Array.of(kept, kept, kept, kept, capturedTimeMs, capturedTimeMs), 0)
  },
  merge: take,
  read: (slots, at) =>
    PLACES.map((place) => {
      const kept = get(slots, at + place)
      return kept === 0 ? undefined : fromMillionths(kept - 1)
    }),
}
