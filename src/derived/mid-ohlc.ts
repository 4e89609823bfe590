import { MILLION } from '../domain/decimal.ts'
import type { Metric, Slots } from './metric.ts'
import { ratioText } from './ratio.ts'
import { get } from './slots.ts'

const OPEN = 0
const HIGH = 1
const LOW = 2
const CLOSE = 3
const PLACES = [OPEN, HIGH, LOW, CLOSE]

/** 0 is no mid: none is 0. */
const take = (slots: Slots, at: number, [open, high, low, close]: readonly [number, number, number, number]): void => {
  if (open === 0) return
  const isFirst = get(slots, at + OPEN) === 0
  if (isFirst) slots[at + OPEN] = open
  slots[at + HIGH] = Math.max(high, get(slots, at + HIGH))
  slots[at + LOW] = isFirst ? low : Math.min(low, get(slots, at + LOW))
  slots[at + CLOSE] = close
}

/** First, highest, lowest and last of the mids that were in force at some time of the window, also one from before it. */
export const midOhlc: Metric = {
  name: 'mid_ohlc',
  types: ['mid_open', 'mid_high', 'mid_low', 'mid_close'],
  width: 4,
  hold: (slots, at, { mid }) => take(slots, at, [mid, mid, mid, mid]),
  merge: (into, intoAt, from, fromAt) =>
    take(into, intoAt, [
      get(from, fromAt + OPEN),
      get(from, fromAt + HIGH),
      get(from, fromAt + LOW),
      get(from, fromAt + CLOSE),
    ]),
  read: (slots, at) =>
    PLACES.map((place) => {
      const mid = get(slots, at + place)
      return mid === 0 ? undefined : ratioText(BigInt(mid), BigInt(2 * MILLION))
    }),
}
