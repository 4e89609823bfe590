import { expect, test } from 'vitest'
import { costFigures } from '../../src/activities/cost-figures.ts'
import { createCostWatch, type CostDeps } from '../../src/activities/costs.ts'
import { writeMeter } from '../../src/activities/cost-reading.ts'
import { restoreShed } from '../../src/activities/shed-copy.ts'
import { NOTHING_USED } from '../../src/cost/usage.ts'
import { SHED_KEY } from '../../src/domain/keys.ts'
import { toShed } from '../../src/domain/shed.ts'
import { probeCost } from '../../src/cli/doctor/cost.ts'
import { findPatient } from '../../src/cli/doctor/doctor.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { readPrices } from '../../src/price-file.ts'
import { readCostShed } from '../../src/store/cost-shed.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, addresses } = await openStores()
const { pool } = database
const prices = await readPrices()
const SETTLE_MS = 60_000
const LOOK_MS = 15_000

type Rate = { commandsPerLook: number; framesPerLook: number }

let nowMs = Date.now()

/** A watch whose clock and meters the test moves on: a feed that uses so much between two looks. */
const openWatch = (given: Partial<CostDeps> = {}) => {
  const stats = createStats()
  const startedTimeMs = nowMs
  const used = { commands: 0, frames: 0 }
  const budget = { limitMicrodollars: 500_000_000, settleMs: SETTLE_MS }
  const log = createLog('control', 'silent')
  const deps = { redis, pool, prices, budget, levels: 4, hotDays: 30, now: () => nowMs, log, stats, ...given }
  const watch = createCostWatch(deps)
  return {
    stats,
    look: async (count: number, { commandsPerLook, framesPerLook }: Rate) => {
      for (let at = 0; at < count; at++) {
        nowMs += LOOK_MS
        used.commands += commandsPerLook
        used.frames += framesPerLook
        const usage = { ...NOTHING_USED, redisCommands: used.commands, frames: used.frames }
        await writeMeter(redis, 'feed:test', { usage, startedTimeMs, readTimeMs: Date.now() })
        await watch()
      }
    },
  }
}

const copied = async () => toShed(await redis.get(SHED_KEY))
const alerts = async () =>
  (await pool.query<{ detail: string; open: boolean }>("select detail, recovered_at is null as open from feed_alerts where kind = 'cost' order by alert_id")).rows // prettier-ignore

/** $2 a million commands: 10,000 of them in 15 s are about $3,500 a month. */
const dear: Rate = { commandsPerLook: 10_000, framesPerLook: 10_000 }
const cheap: Rate = { commandsPerLook: 100, framesPerLook: 100 }

test('without a budget nothing is ever shed, and the costs are told all the same', async () => {
  const { look, stats } = openWatch({ budget: undefined })
  await look(30, dear)
  expect((await readCostShed(pool)).shed.tier).toBe(0)
  expect(await alerts()).toEqual([])
  expect(stats.read()['costTier']).toBe(0)
  const figures = Object.fromEntries(costFigures(await readCostShed(pool)))
  expect(figures['costDollarsPerMonth:redis_commands']).toBeGreaterThan(3_000)
  expect(figures['costPerThousandFrames:redis_commands']).toBeCloseTo(1_000, 0)
})

test('above the budget a tier is shed, remembered, copied for the feeds and one alert; it comes back when the load is gone', async () => {
  const { look, stats } = openWatch()
  await look(8, dear)
  expect((await readCostShed(pool)).shed).toMatchObject({ tier: 1, levels: 4 })
  expect(await copied()).toEqual((await readCostShed(pool)).shed)
  const [alert] = await alerts()
  expect(alert).toMatchObject({ open: true })
  expect(alert?.detail).toMatch(
    /^tier 1: the best levels alone are kept; budget \$500\.00 a month, now \$\d+.*redis_commands/,
  )
  expect(stats.read()).toMatchObject({ costTier: 1, 'costShed:1': 1 })
  await redis.del(SHED_KEY)
  await restoreShed(redis, pool)
  expect(await copied()).toMatchObject({ tier: 1 })
  await look(40, cheap)
  expect((await readCostShed(pool)).shed.tier).toBe(0)
  expect(await copied()).toMatchObject({ tier: 0 })
  expect((await alerts()).every(({ open }) => !open)).toBe(true)
})

test('another control process goes on with what stands, and a budget that is taken away ends the shed at once', async () => {
  const first = openWatch()
  for (let looks = 0; looks < 20 && (await readCostShed(pool)).shed.tier === 0; looks++) await first.look(1, dear)
  expect((await readCostShed(pool)).shed.tier).toBe(1)
  await openWatch().look(1, dear)
  expect((await readCostShed(pool)).shed.tier).toBe(1)
  const without = openWatch({ budget: undefined })
  await without.look(1, dear)
  expect((await readCostShed(pool)).shed.tier).toBe(0)
  expect((await alerts()).some(({ open }) => open)).toBe(false)
})

test('the doctor says what a month costs, what frames take, and what is shed', async () => {
  const environment = { DATABASE_URL: database.url, REDIS_URL: addresses.redisUrl, COST_BUDGET: '500' }
  const first = openWatch()
  for (let looks = 0; looks < 20 && (await readCostShed(pool)).shed.tier === 0; looks++) await first.look(1, dear)
  const findings = await probeCost(findPatient(environment))
  const told = new Map(findings.map(({ what, level, found }) => [what, `${level} ${found}`]))
  expect(told.get('prices')).toBe('ok prices as of 2026-11-27, from prices.json')
  expect(told.get('month')).toMatch(/^ok about \$\d+\.\d\d a month at the present rate: redis commands \$\d+/)
  expect(told.get('frames')).toMatch(/^ok each 1,000 frames take Redis 1,\d{3} billed commands/)
  expect(told.get('budget')).toMatch(/^warn \$500 a month; tier 1: the best levels alone are kept/)
  const wrong = await probeCost(findPatient({ ...environment, COST_PRICES: '/nowhere' }))
  expect(wrong.find(({ what }) => what === 'prices')?.level).toBe('FAIL')
})

test('the doctor warns of what is shed though no budget is set where it runs, and of costs that nobody reckons', async () => {
  const environment = { DATABASE_URL: database.url, REDIS_URL: addresses.redisUrl }
  const tell = async (): Promise<Map<string, string>> => {
    const findings = await probeCost(findPatient(environment))
    return new Map(findings.map(({ what, level, found }) => [what, `${level} ${found}`]))
  }
  expect((await tell()).get('budget')).toMatch(/^warn COST_BUDGET is empty here; tier [1-3]: /)
  await pool.query('delete from cost_shed')
  const told = await tell()
  expect(told.get('budget')).toBe('ok COST_BUDGET is empty here; tier 0: nothing is shed')
  expect(told.get('month')).toBe('warn nothing was reckoned yet')
})
