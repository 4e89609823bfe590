import type { Pool } from 'pg'
import { checkRule } from '../alerts/check-rule.ts'
import type { Stats } from '../lib/stats.ts'
import { expireDeliveries, pruneAlerts } from '../store/alert-deliveries.ts'
import { fireOfMarkets } from '../store/alert-market-rules.ts'
import { markRules, readUntaken, type Mark, type StoredRule } from '../store/alert-rules.ts'
import { findUpdates } from '../store/market-names.ts'

const RULES_A_ROUND = 500

/** What is to be said of a rule that no normalizer took up. */
const judge = ({ row, changedXid, invalidReason }: StoredRule, known: ReadonlySet<string>): Mark[] => {
  const { alertId, marketId } = row
  const checked = checkRule(row)
  if (checked.type === 'valid' && checked.watch.type === 'market' && known.has(marketId)) {
    return [{ alertId, changedXid, reason: undefined, isTaken: true }]
  }
  const reason =
    checked.type === 'invalid'
      ? checked.reason
      : `market ${marketId} is ${known.has(marketId) ? 'not recorded' : 'unknown'}: nothing evaluates the rule`
  return reason === invalidReason ? [] : [{ alertId, changedXid, reason, isTaken: false }]
}

/** What no normalizer does for rules: those on markets as a whole, those whose market nobody records, and old rows. */
export const createAlertCare = ({ pool, stats }: { pool: Pool; stats: Stats }) => {
  let afterId = '0'
  /** A part of them a round, so that a thousand rules on unknown markets cost no more than a few. */
  const checkUntaken = async (): Promise<void> => {
    const untaken = await readUntaken(pool, afterId, RULES_A_ROUND)
    afterId = untaken.length < RULES_A_ROUND ? '0' : (untaken.at(-1)?.row.alertId ?? '0')
    const found = await findUpdates(
      pool,
      untaken.map(({ row }) => row.marketId),
    )
    const known = new Set(found.keys())
    await markRules(
      pool,
      untaken.flatMap((rule) => judge(rule, known)),
    )
  }
  return async (): Promise<void> => {
    await checkUntaken()
    stats.count('alertsOfMarkets', await fireOfMarkets(pool))
    stats.count('alertsExpired', await expireDeliveries(pool))
    await pruneAlerts(pool)
  }
}
