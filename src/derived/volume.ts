import { MILLION } from '../domain/decimal.ts'
import type { Metric } from './metric.ts'
import { ratioText } from './ratio.ts'
import { addProduct, addWide, wideOf } from './slots.ts'

/** Two slots each: shares in millionths; shares times price, in millionths of a millionth. */
const SHARES = 0
const PAID = 2

/** Shares traded, and their mean price weighted by them. One file, since the price needs the shares. */
export const volume: Metric = {
  name: 'volume',
  types: ['volume', 'vwap'],
  width: 4,
  trade: (slots, at, { price, size }) => {
    addProduct(slots, at + SHARES, size, 1)
    addProduct(slots, at + PAID, size, price)
  },
  merge: (into, intoAt, from, fromAt) => {
    addWide(into, intoAt + SHARES, from, fromAt + SHARES)
    addWide(into, intoAt + PAID, from, fromAt + PAID)
  },
  read: (slots, at) => {
    const shares = wideOf(slots, at + SHARES)
    const price = shares === 0n ? undefined : ratioText(wideOf(slots, at + PAID), shares * BigInt(MILLION))
    return [ratioText(shares, BigInt(MILLION)), price]
  },
}
