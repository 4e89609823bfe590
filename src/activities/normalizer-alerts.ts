import { MarketRules } from '../alerts/market-rules.ts'
import type { Batch } from '../normalizer/batch.ts'
import { fillKey } from '../normalizer/fill-key.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'
import { readRecentCauses, readRulesOf, releaseRules, type Mark, type StoredRule } from '../store/alert-rules.ts'
import { createRuleChanges } from './alert-rule-changes.ts'
import { createRuleMarks } from './alert-rule-marks.ts'
import type { NormalizerDeps } from './normalizer-deps.ts'
import type { Derivation, Tick } from './normalizer-listeners.ts'

/** A rule as it was taken up; `reason`: what is wrong with it. */
type Taken = { marketId: string; changedXid: string; reason: string | undefined }

const isOlder = (changedXid: string, known: Taken | undefined): boolean =>
  known !== undefined && BigInt(changedXid) < BigInt(known.changedXid)

const createRules = (onCapped: () => void) => {
  const markets = new Map<string, MarketRules>()
  const taken = new Map<string, Taken>()
  /** Of thousands of markets few have anything that time alone may change. */
  const waiting = new Set<MarketRules>()
  const onWaiting = (rules: MarketRules): void => void waiting.add(rules)
  return {
    markets,
    taken,

    open: (tape: MarketTape): void => {
      markets.set(tape.market.marketId, new MarketRules(tape, { fillKey, now: Date.now, onCapped, onWaiting }))
    },

    close: (marketId: string): string[] => {
      const rules = markets.get(marketId)
      if (rules === undefined) return []
      markets.delete(marketId)
      waiting.delete(rules)
      const alertIds = [...rules.alertIds]
      for (const alertId of alertIds) taken.delete(alertId)
      return alertIds
    },

    /** The markets in which a rule changed its state. */
    tick: (nowMs: number, batch: Batch): MarketRules[] => {
      const moved = [...waiting].filter((rules) => rules.tick(nowMs, batch))
      for (const rules of waiting) if (!rules.isWaiting) waiting.delete(rules)
      return moved
    },

    /** Takes a rule up; what is to be said of it, where that is news. Other markets' rules are for others. */
    take: ({ row, standing, changedXid, isChecked, invalidReason }: StoredRule): Mark[] => {
      const { alertId, marketId } = row
      const rules = markets.get(marketId)
      const known = taken.get(alertId)
      if (rules === undefined || isOlder(changedXid, known)) return []
      // The same again: a window that it watches goes on.
      const reason = known?.changedXid === changedXid ? known.reason : rules.set(row, standing)
      taken.set(alertId, { marketId, changedXid, reason })
      const isSaid = isChecked && (invalidReason ?? undefined) === reason
      return isSaid ? [] : [{ alertId, changedXid, reason, isTaken: true }]
    },

    drop: (alertId: string): void => {
      markets.get(taken.get(alertId)?.marketId ?? '')?.remove(alertId)
      taken.delete(alertId)
    },
  }
}

/** Keeps the rules of a shard's markets as users write them, and has them evaluated. */
export const createAlerts = (deps: NormalizerDeps): Derivation => {
  const { pool, stats, log } = deps
  const { markets, taken, open, close, tick, take, drop } = createRules(() => stats.count('alertsCapped'))
  const changes = createRuleChanges(deps)
  const owed = createRuleMarks(deps)

  return {
    open: async (tapes) => {
      if (tapes.length === 0) return
      await changes.begin()
      const marketIds = tapes.map(({ market }) => market.marketId)
      const [stored, causes] = await Promise.all([readRulesOf(pool, marketIds), readRecentCauses(pool, marketIds)])
      for (const tape of tapes) open(tape)
      for (const { outcomeId, cause } of causes) markets.get(outcomeId.split(':')[0] ?? '')?.remember(outcomeId, cause)
      owed.add(stored.flatMap(take))
      stats.set('alertRules', taken.size)
      for (const marketId of marketIds) markets.get(marketId)?.begin()
    },

    close: ({ market: { marketId } }) => {
      const alertIds = close(marketId)
      for (const alertId of alertIds) owed.drop(alertId)
      releaseRules(pool, alertIds).catch((error: unknown) => log.warn({ error }, 'rules could not be released'))
    },

    tick: ({ nowMs, isBehind, batch }: Tick) => {
      changes.lookAgain(nowMs)
      const { written, removedIds } = changes.take(nowMs)
      owed.add(written.flatMap(take))
      // After those that were written: one that was written and then deleted is in both.
      for (const alertId of removedIds) {
        drop(alertId)
        owed.drop(alertId)
      }
      stats.set('alertRules', taken.size)
      owed.markAgain(nowMs)
      return isBehind ? [] : tick(nowMs, batch).map(({ tape }) => tape)
    },
  }
}
