import { expect, test } from 'vitest'
import { createAlertVenue } from '../support/alert-venue.ts'
import { createFlow, gammaText } from '../support/normalizer-flow.ts'
import { committed, until } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, start, tables } = await openStores()

type Fired = { crossing: number; value: string; key: string }

const write = async (rule: Record<string, unknown>): Promise<string> => {
  const columns = Object.keys({ user_id: '', ...rule }).map((name) => `"${name}"`)
  const values = ['u', ...Object.values(rule)]
  const places = values.map((_, at) => `$${at + 1}`)
  const sql = `insert into alerts (${columns.join(', ')}) values (${places.join(', ')}) returning alert_id`
  return (await database.pool.query<{ alert_id: string }>(sql, values)).rows[0]?.alert_id ?? ''
}
const ruleOf = async (alertId: string) =>
  (
    await database.pool.query<Record<string, unknown>>(
      'select *, checked_at is not null as is_checked from alert_rules where alert_id = $1',
      [alertId],
    )
  ).rows[0]
const firedOf = async (alertId: string): Promise<Fired[]> =>
  (
    await database.pool.query<Fired>(
      `select crossing, trim_scale(value)::text as value, idempotency_key as key from alert_events
       where alert_id = $1 order by crossing`,
      [alertId],
    )
  ).rows
const taken = (alertId: string): Promise<void> =>
  until(`rule ${alertId} is taken up`, async () => (await ruleOf(alertId))?.['is_checked'] === true)
const applied = (marketId: string): Promise<void> => committed(tables(), `orderbook:${marketId}`)

const flow = createFlow(redis)
const venue = createAlertVenue(flow)

test('a rule written while its market is recorded fires once a crossing, not again until it was false by the hysteresis', async () => {
  await using shard = start()
  await flow.catalogue([gammaText('21')])
  await venue.quote('21', '0.40', '0.42')
  await until('the market is recorded', () => (shard.stats.read()['rows'] ?? 0) > 0)
  const alertId = await write({ market_id: '21', condition: 'price_above', threshold: '0.5', hysteresis: '0.02' })
  await taken(alertId)
  for (const bid of ['0.49', '0.60', '0.61', '0.49', '0.55', '0.45', '0.70']) {
    await venue.quote('21', bid, (Number(bid) + 0.02).toFixed(2))
  }
  await applied('21')
  expect(await firedOf(alertId)).toEqual([
    { crossing: 1, value: '0.61', key: `alert:${alertId}:1` },
    { crossing: 2, value: '0.71', key: `alert:${alertId}:2` },
  ])
  expect(await ruleOf(alertId)).toMatchObject({ state: 'fired', crossing: 2, invalid_reason: null })
})
