import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createAlertTables } from '../support/alert-tables.ts'
import { createAlertVenue } from '../support/alert-venue.ts'
import { createFlow, gammaText } from '../support/normalizer-flow.ts'
import { committed, startShard, until } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, addresses, tables } = await openStores()
const { pool } = database
const { write, firedOf } = createAlertTables(pool)
const flow = createFlow(redis)
const venue = createAlertVenue(flow)

/** So that the backlog of a restart is more than what checks are shed for. */
const SHEDDING = { VERIFY_SHED_LAG_MS: '200' }

const spawnShard = () => {
  const script = new URL('../support/normalizer-child.ts', import.meta.url).pathname
  const given = ['--import', 'tsx', script, addresses.redisUrl, addresses.databaseUrl, JSON.stringify(SHEDDING)]
  return spawn(process.execPath, given, { stdio: ['ignore', 'pipe', 'inherit'] })
}

test('kill -9 while rules fire loses no crossing and fires none twice', async () => {
  await flow.catalogue([gammaText('27')])
  await venue.quote('27', '0.40', '0.42')
  const rule = { market_id: '27', condition: 'price_above', threshold: '0.5', hysteresis: '0.02' }
  const ids = [await write(rule), await write({ ...rule, threshold: '0.55' })]
  ids.push(await write({ market_id: '27', condition: 'move_pct', threshold: '45', window: '1 hour' }))
  const countFired = async () =>
    (await pool.query('select from alert_events where alert_id = $1', [ids[0]])).rowCount ?? 0
  let crossings = 0
  for (let round = 0; round < 2; round++) {
    const child = spawnShard()
    const before = await countFired()
    await until('a child fires', async () => {
      await venue.quote('27', '0.60', '0.62')
      await venue.quote('27', '0.50', '0.52')
      await venue.quote('27', '0.40', '0.42')
      crossings += 1
      // Slower than what caps a rule.
      await sleep(40)
      return (await countFired()) > before + 5
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await using _ = startShard(addresses, 0, SHEDDING)
  await committed(tables(), 'orderbook:27')
  const dense = Array.from({ length: crossings }, (_one, at) => at + 1)
  for (const id of ids) expect((await firedOf(id)).map(({ crossing }) => crossing)).toEqual(dense)
})
