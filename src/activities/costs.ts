import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import { takeReading, UNSHED, type Budget } from '../cost/budget.ts'
import { estimate, type Estimate } from '../cost/estimate.ts'
import { MICRODOLLARS, type Prices } from '../cost/prices.ts'
import { usedBetween, type Meters } from '../cost/usage.ts'
import { SHED_TEXTS } from '../domain/shed.ts'
import { planEpisodes, withoutSteps } from '../heartbeats/episodes.ts'
import type { Problem } from '../heartbeats/silence.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { changeCostShed, type CostShed } from '../store/cost-shed.ts'
import { recordCheck, type Recorded } from '../store/feed-alerts.ts'
import { readMeters, readRedisBytes } from './cost-reading.ts'
import { publishShed } from './shed-copy.ts'

export type CostDeps = {
  redis: Redis
  pool: Pool
  prices: Prices
  /** Undefined: no limit. */
  budget: Budget | undefined
  /** Levels a side that are kept from the first tier on. */
  levels: number
  /** For how long rows stay in Postgres. */
  hotDays: number
  now: () => number
  log: Logger
  stats: Stats
}

const SUBJECT = 'cost:budget'
/** Processes tell what they used four times a minute: over a minute it is at most a quarter off. */
const WINDOW_MS = 60_000
const SHORTEST_MS = 10_000

type Look = { atTimeMs: number; meters: Meters }

/** Looks of the last minute, to compare the newest with the oldest. */
const createLooks = () => {
  let looks: Look[] = []
  return (look: Look): Look | undefined => {
    looks = [...looks.filter(({ atTimeMs }) => look.atTimeMs - atTimeMs <= WINDOW_MS), look]
    const [oldest] = looks
    return oldest === undefined || look.atTimeMs - oldest.atTimeMs < SHORTEST_MS ? undefined : oldest
  }
}

const dollars = (microdollars: number): string => (microdollars / MICRODOLLARS).toFixed(2)

const largestOf = ({ parts }: Estimate): string =>
  Object.entries(parts)
    .toSorted(([, left], [, right]) => right - left)
    .slice(0, 3)
    .map(([part, microdollars]) => `${part} $${dollars(microdollars)}`)
    .join(', ')

const toProblem = ({ shed: { tier }, estimate: found }: CostShed, budget: Budget): Problem => ({
  kind: 'cost',
  subject: SUBJECT,
  reason: 'budget_exceeded',
  detail:
    `tier ${tier}: ${SHED_TEXTS[tier]}; budget $${dollars(budget.limitMicrodollars)} a month` +
    (found === undefined ? '' : `, now $${dollars(found.totalMicrodollars)} (${largestOf(found)})`),
  epoch: '',
  concerned: { type: 'nobody' },
})

/** One alert while anything is shed. */
const recordAlert = (pool: Pool, standing: CostShed, budget: Budget | undefined): Promise<Recorded> => {
  const isShedding = standing.shed.tier > 0 && budget !== undefined
  const problems = new Map(isShedding ? [[SUBJECT, toProblem(standing, budget)]] : [])
  return recordCheck(pool, {
    kinds: ['cost'],
    plan: (open) => withoutSteps(planEpisodes(open, { problems, unknown: new Set(), gone: [] })),
    marketsOf: new Map(),
  })
}

/**
 * Reckons what a month would cost, and moves the tier where the budget demands or allows it. What is shed is remembered in
 * Postgres before the feeds are told.
 */
export const createCostWatch = ({ redis, pool, prices, budget, levels, hotDays, now, log, stats }: CostDeps) => {
  const compare = createLooks()
  const reckon = async (): Promise<Estimate | undefined> => {
    const look = { atTimeMs: now(), meters: await readMeters(redis, pool) }
    const before = compare(look)
    if (before === undefined) return undefined
    const times = { fromMs: before.atTimeMs, toMs: look.atTimeMs }
    const span = usedBetween(before.meters, look.meters, times)
    return estimate(span, prices, { hotDays, redisBytes: await readRedisBytes(redis) })
  }
  const tell = (before: CostShed, after: CostShed): void => {
    const { tier } = after.shed
    // For the status line; the metrics are looked up.
    stats.set('costTier', tier)
    if (tier === before.shed.tier) return
    if (tier > before.shed.tier) stats.count(`costShed:${tier}`)
    const projected = after.estimate === undefined ? undefined : dollars(after.estimate.totalMicrodollars)
    const limit = budget === undefined ? undefined : dollars(budget.limitMicrodollars)
    log.warn({ tier, from: before.shed.tier, projected, limit }, `the budget moved a tier: ${SHED_TEXTS[tier]}`)
  }
  return async (): Promise<Recorded> => {
    const found = await reckon()
    const { before, after } = await changeCostShed(pool, ({ state = UNSHED }) => {
      if (budget === undefined) return { state: UNSHED, levels, estimate: found }
      if (found === undefined) return { state, levels, estimate: found }
      const { totalMicrodollars: microdollars, framesPerHour } = found
      const reading = { atTimeMs: now(), microdollars, framesPerHour }
      return { state: takeReading(state, reading, budget), levels, estimate: found }
    })
    tell(before, after)
    await publishShed(redis, after.shed)
    return recordAlert(pool, after, budget)
  }
}
