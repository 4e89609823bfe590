import { MICRODOLLARS, type Prices } from '../../cost/prices.ts'
import type { Estimate } from '../../cost/estimate.ts'
import { SHED_TEXTS } from '../../domain/shed.ts'
import { readPrices } from '../../price-file.ts'
import { readCostShed, type CostShed } from '../../store/cost-shed.ts'
import { reasonOf } from '../../workers/until-reachable.ts'
import { examine, fail, ok, warn, type Finding, type Verdict } from './finding.ts'
import { megabytes } from './numbers.ts'
import { openPatiently } from './postgres.ts'
import type { Patient } from './probe.ts'

const AREA = 'cost'
const STALE_MS = 300_000
const YEAR_MS = 366 * 86_400_000

const dollars = (microdollars: number): string => `$${(microdollars / MICRODOLLARS).toFixed(2)}`

const rounded = (amount: number): string =>
  amount < 10 ? amount.toFixed(2) : Math.round(amount).toLocaleString('en-US')

const pairs = (amounts: Record<string, number>, toText: (amount: number) => string): string =>
  Object.entries(amounts)
    .filter(([, amount]) => amount > 0)
    .toSorted(([, left], [, right]) => right - left)
    .map(([name, amount]) => `${name.replaceAll('_', ' ')} ${toText(amount)}`)
    .join(', ')

const monthVerdict = ({ estimate, checkedTimeMs }: CostShed): Verdict => {
  if (estimate === undefined)
    return warn('nothing was reckoned yet', 'it takes half a minute from the start of a control worker: does one run?')
  const ageMs = Date.now() - checkedTimeMs
  const found = `about ${dollars(estimate.totalMicrodollars)} a month at the present rate: ${pairs(estimate.parts, dollars)}`
  if (ageMs <= STALE_MS) return ok(found)
  const minutes = Math.round(ageMs / 60_000)
  return warn(
    `${found}; reckoned ${minutes} min ago`,
    'the schedule checkHeartbeats reckons it: does a control worker run?',
  )
}

const framesVerdict = ({ perThousandFrames: ratios }: Estimate): Verdict => {
  const { redis_commands: billed = 0, redis_round_trips: trips = 0, redis_inner_commands: inner = 0, ...rest } = ratios
  if (Object.keys(ratios).length === 0) return ok('no frames came within the last minute')
  const redis = `Redis ${rounded(billed)} billed commands in ${rounded(trips)} round trips (${rounded(inner)} with those inside scripts)`
  return ok(`each 1,000 frames take ${redis}; ${pairs(rest, rounded)}`)
}

const temporalVerdict = ({ actionsPerHour }: Estimate): Verdict =>
  ok(`actions an hour: ${pairs(actionsPerHour, rounded) || 'none'}`)

const storageVerdict = ({ storedBytesPerMonth, coldBytesPerMonth }: Estimate): Verdict =>
  ok(
    `a month leaves ${megabytes(storedBytesPerMonth)} in Postgres until it is archived, and ${megabytes(coldBytesPerMonth)} in the archive`,
  )

const budgetVerdict = ({ shed: { tier }, estimate }: CostShed, budgetText: string | undefined): Verdict => {
  const limit = budgetText === undefined ? 'COST_BUDGET is empty here' : `$${budgetText} a month`
  const found = `${limit}; tier ${tier}: ${SHED_TEXTS[tier]}`
  if (tier === 0) return ok(found)
  const parts = estimate === undefined ? '' : `, most by ${pairs(estimate.parts, dollars)}`
  if (budgetText === undefined)
    return warn(`${found}${parts}`, 'look at COST_BUDGET of the control worker; where it is empty too: does one run?')
  return warn(`${found}${parts}`, 'raise COST_BUDGET, record fewer markets, or see RUNBOOK.md, Costs')
}

const pricesVerdict = ({ asOf }: Prices, path: string | undefined): Verdict => {
  const found = `prices as of ${asOf}, from ${path ?? 'prices.json'}`
  const isOld = Date.now() - Date.parse(asOf) > YEAR_MS
  return isOld ? warn(found, 'compare them with your bill, and set COST_PRICES to a table of your own') : ok(found)
}

/** @throws what Postgres answers. */
const readStanding = async ({ places }: Patient): Promise<CostShed> => {
  const { pool } = await openPatiently(places.database.url)
  try {
    return await readCostShed(pool)
  } finally {
    await pool.end()
  }
}

const verdictsOf = (standing: CostShed, budgetText: string | undefined): [what: string, verdict: Verdict][] => {
  const { estimate } = standing
  const told: [string, Verdict][] =
    estimate === undefined
      ? []
      : [
          ['frames', framesVerdict(estimate)],
          ['temporal', temporalVerdict(estimate)],
          ['storage', storageVerdict(estimate)],
        ]
  return [['month', monthVerdict(standing)], ...told, ['budget', budgetVerdict(standing, budgetText)]]
}

/** What recording costs, as the control worker reckoned it last. */
export const probeCost = async (patient: Patient): Promise<Finding[]> => {
  const { COST_PRICES: path, COST_BUDGET: budgetText } = patient.config
  const look = async (): Promise<Verdict> => pricesVerdict(await readPrices(path), path)
  const prices = await examine(AREA, [{ what: 'prices', look, remedy: 'correct the file of COST_PRICES' }])
  try {
    const verdicts = verdictsOf(await readStanding(patient), budgetText)
    return [...prices, ...verdicts.map(([what, verdict]) => ({ area: AREA, what, ...verdict }))]
  } catch (error) {
    const unread = fail(`what was reckoned cannot be read: ${reasonOf(error)}`, 'see what is said of postgres')
    return [...prices, { area: AREA, what: 'month', ...unread }]
  }
}
