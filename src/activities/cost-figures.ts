import { MICRODOLLARS } from '../cost/prices.ts'
import { inFamily } from '../metrics/row.ts'
import type { Stats } from '../lib/stats.ts'
import type { CostShed } from '../store/cost-shed.ts'

const showFamily = (stats: Stats, family: string, amounts: Record<string, number>, per = 1): void => {
  for (const [label, amount] of Object.entries(amounts)) stats.set(inFamily(family, label), amount / per)
}

/** For the metrics: in dollars, which only people read. */
export const showCosts = (stats: Stats, { shed, estimate }: CostShed): void => {
  stats.set('costTier', shed.tier)
  if (estimate === undefined) return
  showFamily(stats, 'costDollarsPerMonth', estimate.parts, MICRODOLLARS)
  showFamily(stats, 'costPerThousandFrames', estimate.perThousandFrames)
  showFamily(stats, 'temporalActionsPerHour', estimate.actionsPerHour)
}
