import { MICRODOLLARS } from '../cost/prices.ts'
import { inFamily } from '../metrics/row.ts'
import type { CostShed } from '../store/cost-shed.ts'

const family = (name: string, amounts: Record<string, number>, per = 1): [string, number][] =>
  Object.entries(amounts).map(([label, amount]) => [inFamily(name, label), amount / per])

/** For the metrics: in dollars, which only people read. What an estimate does not know is not told. */
export const costFigures = ({ shed, estimate }: CostShed): [string, number][] => {
  const tier: [string, number] = ['costTier', shed.tier]
  if (estimate === undefined) return [tier]
  return [
    tier,
    ...family('costDollarsPerMonth', estimate.parts, MICRODOLLARS),
    ...family('costPerThousandFrames', estimate.perThousandFrames),
    ...family('temporalActionsPerHour', estimate.actionsPerHour),
  ]
}
