import type { Metric } from './metric.ts'
import { add, addSums, get } from './slots.ts'
import { ratioText } from './ratio.ts'

const KNOWN_MS = 0
const PRICED_MS = 1

/** Share of the window in which the book was known, and in which it had a mid: what all the others speak of. */
export const coverage: Metric = {
  name: 'coverage',
  types: ['coverage', 'mid_coverage'],
  width: 2,
  hold: (slots, at, { mid }, ms) => {
    add(slots, at + KNOWN_MS, ms)
    if (mid > 0) add(slots, at + PRICED_MS, ms)
  },
  merge: (into, intoAt, from, fromAt) => addSums(into, intoAt, from, fromAt, 2),
  read: (slots, at, windowMs) =>
    [KNOWN_MS, PRICED_MS].map((place) => ratioText(BigInt(get(slots, at + place)), BigInt(windowMs))),
}
