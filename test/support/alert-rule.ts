import type { RuleRow } from '../../src/alerts/rule.ts'

/** A rule as Postgres gives it, with what a test says of it. */
export const ruleOf = (given: Partial<RuleRow>): RuleRow => ({
  alertId: '1',
  userId: 'u',
  marketId: '9',
  outcomeIndex: 0,
  condition: 'price_above',
  threshold: null,
  windowMs: null,
  side: null,
  within: null,
  hysteresis: '0',
  cooldownMs: 0,
  webhookUrl: null,
  status: 'active',
  ...given,
})
