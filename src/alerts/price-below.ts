import { levelMeter } from './level-meter.ts'
import { midOf } from './mid.ts'
import { PRICES, type Condition } from './rule.ts'

/** The mid is below the threshold. */
export const priceBelow: Condition = {
  threshold: PRICES,
  takes: [],
  toWatch: ({ threshold }) => ({
    type: 'book',
    key: 'mid below',
    level: -threshold,
    openMeter: () => levelMeter(midOf, -1),
  }),
}
