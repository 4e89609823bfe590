import type { Metric } from './metric.ts'
import { add, addSums, get } from './slots.ts'

const SQUARES = 0
const PRICED_MS = 1

/**
 * Realised volatility: the root of the sum of squared log returns of the mid, over the window, not annualised. Logarithm and
 * root are of real numbers: the only value that floats may hold.
 */
export const volatility: Metric = {
  name: 'volatility',
  types: ['realized_volatility'],
  width: 2,
  hold: (slots, at, { mid }, ms) => {
    if (mid > 0) add(slots, at + PRICED_MS, ms)
  },
  move: (slots, at, fromMid, toMid) => add(slots, at + SQUARES, Math.log(toMid / fromMid) ** 2),
  merge: (into, intoAt, from, fromAt) => addSums(into, intoAt, from, fromAt, 2),
  read: (slots, at) => [get(slots, at + PRICED_MS) === 0 ? undefined : String(Math.sqrt(get(slots, at + SQUARES)))],
}
