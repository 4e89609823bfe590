import { depthBelow } from './depth-below.ts'
import { feedStale } from './feed-stale.ts'
import { movePct } from './move-pct.ts'
import { priceAbove } from './price-above.ts'
import { priceBelow } from './price-below.ts'
import { resolved } from './resolved.ts'
import type { Condition } from './rule.ts'
import { spreadAbove } from './spread-above.ts'
import { tradeSizeAbove } from './trade-size-above.ts'

/** A new condition is one file and one line. */
export const CONDITIONS: ReadonlyMap<string, Condition> = new Map([
  ['price_above', priceAbove],
  ['price_below', priceBelow],
  ['spread_above', spreadAbove],
  ['move_pct', movePct],
  ['depth_below', depthBelow],
  ['trade_size_above', tradeSizeAbove],
  ['resolved', resolved],
  ['feed_stale', feedStale],
])
