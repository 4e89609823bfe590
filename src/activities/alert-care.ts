import type { Pool } from 'pg'
import { checkRule } from '../alerts/check-rule.ts'
import type { Stats } from '../lib/stats.ts'
import { expireDeliveries, pruneAlerts } from '../store/alert-deliveries.ts'
import { fireOfMarkets } from '../store/alert-market-rules.ts'
import { markRules, readRecorded, readUntaken, type Mark, type StoredRule } from '../store/alert-rules.ts'
import { findUpdates } from '../store/market-names.ts'

const RULES_A_ROUND = 500

/** Those that the catalogue knows, and those that a normalizer has open. */
type Markets = { known: ReadonlySet<string>; recorded: ReadonlySet<string> }

/** What is to be said of a rule that no normalizer took up. */
const judge = ({ row, changedXid, invalidReason }: StoredRule, { known, recorded }: Markets): Mark[] => {
  const { alertId, marketId } = row
  const checked = checkRule(row)
  if (checked.type === 'valid' && checked.watch.type === 'market' && known.has(marketId)) {
    return [{ alertId, changedXid, reason: undefined, isTaken: true }]
  }
  if (checked.type === 'valid' && recorded.has(marketId)) return []
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
    const marketIds = untaken.map(({ row }) => row.marketId)
    const [found, recorded] = await Promise.all([findUpdates(pool, marketIds), readRecorded(pool, marketIds)])
    const markets = { known: new Set(found.keys()), recorded }
    await markRules(
      pool,
      untaken.flatMap((rule) => judge(rule, markets)),
    )
  }
  return async (): Promise<void> => {
    await checkUntaken()
    stats.count('alertsOfMarkets', await fireOfMarkets(pool))
    stats.count('alertsExpired', await expireDeliveries(pool))
    await pruneAlerts(pool)
  }
}
