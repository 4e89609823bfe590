import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createAlertCare } from '../../src/activities/alert-care.ts'
import { createStats } from '../../src/lib/stats.ts'
import { createAlertTables } from '../support/alert-tables.ts'
import { createAlertVenue } from '../support/alert-venue.ts'
import { createFlow, gammaText } from '../support/normalizer-flow.ts'
import { committed, until } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, start, tables } = await openStores()
const { pool } = database
const { write, ruleOf, firedOf, taken, refused } = createAlertTables(pool)

const flow = createFlow(redis)
const venue = createAlertVenue(flow)
const applied = (marketId: string): Promise<void> => committed(tables(), `orderbook:${marketId}`)
/** A market with a book of which no rule of these tests holds. */
const open = async (marketId: string): Promise<void> => {
  await flow.catalogue([gammaText(marketId)])
  await venue.quote(marketId, '0.40', '0.42')
  await applied(marketId)
}
const valuesOf = async (alertId: string) => (await firedOf(alertId)).map(({ value }) => value)

test('a rule written while its market is recorded fires once a crossing, not again until it was false by the hysteresis', async () => {
  await using shard = start()
  await open('21')
  const heard: string[] = []
  const subscriber = redis.duplicate()
  subscriber.on('message', (_, text: string) => heard.push(text))
  await subscriber.subscribe('alerts')
  const alertId = await write({ market_id: '21', condition: 'price_above', threshold: '0.5', hysteresis: '0.02' })
  await taken(alertId)
  for (const bid of ['0.49', '0.60', '0.61', '0.49', '0.55', '0.45', '0.70']) {
    await venue.quote('21', bid, (Number(bid) + 0.02).toFixed(2))
  }
  await applied('21')
  const [first, second] = [`alert:${alertId}:1`, `alert:${alertId}:2`]
  expect(await firedOf(alertId)).toMatchObject([
    { crossing: 1, value: '0.61', key: first },
    { crossing: 2, value: '0.71', key: second },
  ])
  expect(await ruleOf(alertId)).toMatchObject({ state: 'fired', crossing: 2, invalid_reason: null })
  await until('both are told', () => heard.length === 2)
  subscriber.disconnect()
  expect(heard.map((text) => JSON.parse(text))).toMatchObject([
    { id: first, alertId, marketId: '21', outcomeId: '21:0', condition: 'price_above', value: '0.61' },
    { id: second, crossing: 2, threshold: '0.5' },
  ])
  expect(shard.stats.read()['alertsFired']).toBe(2)
})

test('within a batch of changes no state counts, and none that is not proved, until a whole book proves it', async () => {
  await using _ = start()
  await open('22')
  const wide = await write({ market_id: '22', condition: 'spread_above', threshold: '0.05' })
  const low = await write({ market_id: '22', condition: 'price_below', threshold: '0.3' })
  await Promise.all([taken(wide), taken(low)])
  await venue.batch('22', [
    ['BUY', '0.05', '10'],
    ['BUY', '0.40', '0'],
    ['BUY', '0.41', '10'],
  ])
  await venue.batch('22', [['BUY', '0.40', '10']])
  await applied('22')
  expect([await firedOf(wide), await firedOf(low)]).toEqual([[], []])
  await venue.batch('22', [['BUY', '0.40', '0'], ['BUY', '0.41', '0']], true) // prettier-ignore
  await applied('22')
  await sleep(600)
  expect([await firedOf(wide), await firedOf(low)]).toEqual([[], []])
  await venue.quote('22', '0.05', '0.42')
  await applied('22')
  expect([await firedOf(wide), await firedOf(low)], 'a batch before it is in doubt').toEqual([[], []])
  await until('the doubt is a gap, and REST ends it', async () => {
    await venue.quote('22', '0.05', '0.42')
    await venue.rest('22')
    return (await firedOf(low)).length === 1
  })
  expect([await valuesOf(wide), await valuesOf(low)]).toEqual([['0.37'], ['0.235']])
})

test('what is wrong with a rule stands in its row, and it works once that is mended; a paused or deleted one is silent', async () => {
  await using shard = start()
  await open('23')
  const bad: [rule: Record<string, unknown>, reason: string][] = [
    [{ condition: 'price_over', threshold: '0.5' }, 'condition: expected one of price_above, price_below'],
    [{ condition: 'price_above' }, 'price_above needs a threshold'],
    [{ condition: 'price_above', threshold: '1.2' }, 'threshold: expected 0 to 1, got 1.2'],
    [{ condition: 'price_above', threshold: 'NaN' }, 'threshold: expected 0 to 1, got NaN'],
    [{ condition: 'move_pct', threshold: '5' }, 'window: expected 1 second to 24 hours, got none'],
    [{ condition: 'move_pct', threshold: '5', window: '2 days' }, 'window: expected 1 second to 24 hours'],
    [{ condition: 'depth_below', threshold: '5', side: 'both' }, 'side: expected bid, ask or null, got both'],
    [{ condition: 'price_below', threshold: '0.1', window: '5 s' }, 'price_below takes no window'],
    [{ condition: 'price_below', threshold: '0.1', outcome_index: 2 }, 'outcome_index: the market has 2, got 2'],
    [{ condition: 'resolved', webhook_url: 'file:///etc/passwd' }, 'webhook_url: expected an http or https URL'],
    [{ condition: 'resolved', cooldown: '-1 s' }, 'cooldown: expected 0 to 30 days'],
    [{ condition: 'resolved', status: 'on' }, 'status: expected active or paused, got on'],
  ]
  const ids: string[] = []
  for (const [rule] of bad) ids.push(await write({ market_id: '23', ...rule }))
  for (const [at, alertId] of ids.entries()) await refused(alertId, bad[at]?.[1] ?? '')
  const [mended = '', paused = ''] = [ids[2], ids[4]]
  await pool.query('update alerts set threshold = 0.5 where alert_id = $1', [mended])
  await pool.query(`update alerts set "window" = '10 s', threshold = 20, status = 'paused' where alert_id = $1`, [
    paused,
  ])
  const gone = await write({ market_id: '23', condition: 'price_above', threshold: '0.5' })
  await Promise.all([taken(mended), taken(paused), taken(gone)])
  const ruleCount = () => shard.stats.read()['alertRules'] ?? 0
  const before = ruleCount()
  await pool.query('delete from alerts where alert_id = $1', [gone])
  await until('the deleted one is dropped', () => ruleCount() === before - 1)
  await venue.quote('23', '0.60', '0.62')
  await applied('23')
  expect([await valuesOf(mended), await valuesOf(paused), await valuesOf(gone)]).toEqual([['0.61'], [], []])
})

test('a rule on a market that is unknown or not recorded says so, and is evaluated once it is recorded', async () => {
  await using _ = start()
  const care = createAlertCare({ pool, stats: createStats() })
  const alertId = await write({ market_id: '24', condition: 'price_below', threshold: '0.5' })
  await pool.query(`update alerts set changed_at = now() - interval '6 s' where alert_id = $1`, [alertId])
  await care()
  await refused(alertId, 'market 24 is unknown: nothing evaluates the rule')
  await flow.catalogue([gammaText('24')])
  await until('the market is known', async () => {
    await care()
    return (await ruleOf(alertId))?.invalid_reason === 'market 24 is not recorded: nothing evaluates the rule'
  })
  await open('24')
  await taken(alertId)
  await until('it fired, since it holds', async () => (await firedOf(alertId)).length === 1)
})

test('each trade above the threshold fires, equal ones too, and the copy that another connection brings does not', async () => {
  await using _ = start()
  await open('25')
  const alertId = await write({ market_id: '25', condition: 'trade_size_above', threshold: '100' })
  await taken(alertId)
  await venue.trade('25', '100', '0xa1')
  await venue.trade('25', '250', '0xa2')
  await venue.trade('25', '250', '0xa2')
  const other = createFlow(redis)
  await createAlertVenue(other).trade('25', '250', '0xa2')
  await applied('25')
  expect(await valuesOf(alertId)).toEqual(['250', '250'])
  expect((await pool.query(`select from fills where tx_hash = '0xa2'`)).rowCount).toBe(2)
})

test('rules on a resolution and on a stale feed fire once each time, whoever looks and however often', async () => {
  await using _ = start()
  await open('26')
  const [resolved, stale] = [
    await write({ market_id: '26', condition: 'resolved' }),
    await write({ market_id: '26', condition: 'feed_stale' }),
  ]
  await Promise.all([taken(resolved), taken(stale)])
  const care = createAlertCare({ pool, stats: createStats() })
  const raise = async () => {
    await pool.query(`insert into feed_alerts (kind, subject, reason, detail) values ('k', 's', 'silent', 'd')`)
    await pool.query(`insert into feed_alert_markets (alert_id, market_id) select max(alert_id), '26' from feed_alerts`)
  }
  await raise()
  await Promise.all([care(), care()])
  await pool.query('update feed_alerts set recovered_at = now()')
  await care()
  await raise()
  await care()
  expect((await firedOf(stale)).map(({ crossing }) => crossing)).toEqual([1, 2])
  await flow.catalogue([gammaText('26', { closed: true, umaResolutionStatus: 'resolved', outcomePrices: '["1","0"]' })])
  await until('the commit that resolves the market fires it', async () => (await firedOf(resolved)).length === 1)
  await care()
  expect(await firedOf(resolved)).toHaveLength(1)
})

test('what the README tells users to write is taken up as it stands', async () => {
  await using _ = start()
  await open('516710')
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const block = [...readme.matchAll(/```sql\n([\s\S]*?)```/g)].map((found) => found[1] ?? '')
  const sql = block.find((text) => text.includes('insert into alerts')) ?? ''
  await pool.query(sql)
  const { rows } = await pool.query<{ alert_id: string }>(`select alert_id from alerts where user_id = 'ann'`)
  expect(rows).toHaveLength(6)
  for (const { alert_id: alertId } of rows) await taken(alertId)
})

test('a role with the rights that the runbook names can write and delete rules, and nothing else', async () => {
  const runbook = readFileSync(new URL('../../RUNBOOK.md', import.meta.url), 'utf8')
  const grants = /```sql\n(create role rule_writer[\s\S]*?)```/.exec(runbook)?.[1] ?? ''
  const client = await pool.connect()
  try {
    await client.query(`begin; ${grants}; set local role rule_writer`)
    const rule = `insert into alerts (user_id, market_id, condition) values ('role', '28', 'resolved') returning alert_id`
    const { rows } = await client.query<{ alert_id: string }>(rule)
    await client.query(`update alerts set cooldown = '1 s' where alert_id = $1`, [rows[0]?.alert_id])
    await client.query('delete from alerts where alert_id = $1', [rows[0]?.alert_id])
    for (const sql of ['update alerts set checked_at = now()', 'delete from alert_states', 'select from markets']) {
      await client.query('savepoint s')
      await expect(client.query(sql)).rejects.toThrow('permission denied')
      await client.query('rollback to s')
    }
  } finally {
    await client.query('rollback')
    client.release()
  }
})

test('a rule whose row its user holds is evaluated all the same, and marked once it is free', async () => {
  await using _ = start()
  await open('29')
  const holder = await pool.connect()
  const alertId = await write({ market_id: '29', condition: 'price_above', threshold: '0.5' })
  try {
    await holder.query('begin')
    await holder.query('select from alerts where alert_id = $1 for update', [alertId])
    await venue.quote('29', '0.60', '0.62')
    await until('it fires', async () => (await firedOf(alertId)).length === 1)
  } finally {
    await holder.query('rollback')
    holder.release()
  }
  await taken(alertId)
})

test('rules that are written by the thousand are all taken up, and those that are deleted meanwhile are gone', async () => {
  await using shard = start()
  await open('37')
  const before = shard.stats.read()['alertRules'] ?? 0
  await pool.query(`insert into alerts (user_id, market_id, condition, threshold)
    select 'many', '37', 'price_above', 0.5 + n / 10000.0 from generate_series(1, 2500) n`)
  await pool.query(`delete from alerts where user_id = 'many' and threshold > 0.7`)
  await until('all are taken up', () => (shard.stats.read()['alertRules'] ?? 0) === before + 2_000)
  await venue.quote('37', '0.60', '0.62')
  await applied('37')
  const { rows } = await pool.query(`select count(*)::int as count from alert_events where market_id = '37'`)
  expect(rows).toEqual([{ count: 1_099 }])
})
