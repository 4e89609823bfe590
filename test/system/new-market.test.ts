import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'vitest'
import { z } from 'zod'
import { untilLive } from '../support/recording.ts'
import { expectWithin } from '../support/quickest.ts'
import { openSystem, until } from '../support/system.ts'
import { openVenueProcess } from '../support/venue-process.ts'

const MARKETS = 6
/** The CLOB answers 404 for so long after the announcement. */
const HYDRATIONS_MS = [0, 700, 2_300, 6_100]

const isVerified = `select 1 from quotes_live q where market_id = $1 and state = 'live' and
  2 = (select count(distinct outcome_id) from book_proofs p where p.outcome_id like $1 || ':%' and p.state = 'verified')`

test('a market that is announced is recorded with a proved book within 2 s after the CLOB has one', async () => {
  await using venue = await openVenueProcess(['--markets', String(MARKETS), '--rate', '50'], false)
  const env = { ...venue.env, POLYTAPE_POLICY: '{"tags":["all"]}' }
  await using system = await openSystem({ args: ['--venue', 'live'], env })
  const pool = system.pool()
  await untilLive(pool, MARKETS)
  // The start of everything takes both cores.
  await sleep(1_000)
  const control = (venue.env['POLYMARKET_GAMMA_URL'] ?? '').replace(/\/gamma$/, '/emulator')
  const announce = async (hydrationMs: number): Promise<string> => {
    const body = JSON.stringify({ hydrationMs })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${control}/add-market`, { method: 'POST', body, headers })
    return z.object({ done: z.string() }).parse(await response.json()).done
  }
  const sourcesOf = async (marketId: string): Promise<string> => {
    const sql = 'select source from market_changes where market_id = $1 order by valid_from'
    return (await pool.query<{ source: string }>(sql, [marketId])).rows.map(({ source }) => source).join()
  }
  for (const hydrationMs of HYDRATIONS_MS) {
    await expectWithin(`from the book that the CLOB has after ${hydrationMs} ms to its proof`, 2_000, async () => {
      const announcedTimeMs = Date.now()
      const marketId = await announce(hydrationMs)
      await until('a proved book', async () => (await pool.query(isVerified, [marketId])).rowCount === 1)
      const afterReadyMs = Date.now() - announcedTimeMs - hydrationMs
      await until('both sources', async () => (await sourcesOf(marketId)) === 'new_market,gamma')
      return afterReadyMs
    })
  }
})
