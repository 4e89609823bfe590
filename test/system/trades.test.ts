import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { expectFills } from '../support/expect-fills.ts'
import { expectPositions } from '../support/expect-positions.ts'
import { createDice } from '../support/faults/dice.ts'
import { killOne } from '../support/kills/run.ts'
import { openRecording, settle } from '../support/recording.ts'

/** Each source misses some, the Data API is late and repeats itself; many fills of one transaction, many of them equal. */
const FAULTS = ['--late', '6000', '--socket-miss', '0.1', '--data-miss', '0.1', '--repeat', '0.3']
const TRADES = ['--equal-fills', '0.4', '--sweeps', '0.4', '--unheard']
const RUN = { markets: 20, rate: 1_000, venueArgs: [...FAULTS, ...TRADES] }
/** As in production, but for the waits. */
/** As late as the Data API may be. */
const LATE_MS = 60_000
const ENVIRONMENT = { TRADES_POLL_MS: '500', TRADES_SWEEP_MS: '2000' }

test('with both sources faulty and processes killed at random, fills are the venue’s ledger, and positions the books of its wallets', async () => {
  await using recording = await openRecording({ ...RUN, env: ENVIRONMENT })
  const { venue, pool, system } = recording
  const dice = createDice(6)
  for (let count = 0; count < 3; count++) {
    await sleep(1_000 + dice.below(3_000))
    await killOne(system, 'normalizer')
  }
  await sleep(2_000)
  const first = await settle(recording)
  expect(first.trades.length).toBeGreaterThan(100)
  await expectFills(first, pool)
  await expectPositions(pool, { trades: first.trades, activities: [] })
  const sources = await pool.query<{ source: string }>('select distinct source from fills order by 1')
  expect(sources.rows.map(({ source }) => source)).toEqual(['both', 'data_api', 'market_channel'])

  // A killed feed loses what it heard and had not appended: what the Data API has is found all the same.
  await venue.post('trade-faults', { dataMissShare: 0, lateMs: LATE_MS })
  await venue.post('resume')
  await sleep(1_000 + dice.below(2_000))
  await killOne(system, 'feed')
  await sleep(2_000 + dice.below(2_000))
  await killOne(system, 'normalizer')
  await sleep(2_000)
  const last = await settle(recording)
  expect(last.trades.length).toBeGreaterThan(first.trades.length)
  await expectFills(last, pool, { isFeedKilled: true })
  await expectPositions(pool, { trades: last.trades, activities: [] })
  expect((await pool.query('select stream, reason, detail from dead_letters')).rows).toEqual([])
})
