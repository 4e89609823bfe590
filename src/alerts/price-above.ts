import { levelMeter } from './level-meter.ts'
import { midOf } from './mid.ts'
import { PRICES, type Condition } from './rule.ts'

/** The mid is above the threshold. */
export const priceAbove: Condition = {
  threshold: PRICES,
  takes: [],
  toWatch: ({ threshold }) => ({
    type: 'book',
    key: 'mid above',
    level: threshold,
    openMeter: () => levelMeter(midOf, 1),
  }),
}
