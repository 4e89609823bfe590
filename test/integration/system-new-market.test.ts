import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { untilLive } from '../support/recording.ts'
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
  await sleep(3_000)
  const control = (venue.env['POLYMARKET_GAMMA_URL'] ?? '').replace(/\/gamma$/, '/emulator')
  const announce = async (hydrationMs: number): Promise<string> => {
    const body = JSON.stringify({ hydrationMs })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${control}/add-market`, { method: 'POST', body, headers })
    return z.object({ done: z.string() }).parse(await response.json()).done
  }
  const measured: { hydrationMs: number; afterReadyMs: number }[] = []
  for (const hydrationMs of HYDRATIONS_MS) {
    const announcedTimeMs = Date.now()
    const marketId = await announce(hydrationMs)
    await until('a proved book', async () => (await pool.query(isVerified, [marketId])).rowCount === 1 || undefined)
    measured.push({ hydrationMs, afterReadyMs: Date.now() - announcedTimeMs - hydrationMs })
    const known = await pool.query<{ source: string }>(
      'select source from market_changes where market_id = $1 order by valid_from',
      [marketId],
    )
    expect(known.rows.map(({ source }) => source)).toEqual(['new_market', 'gamma'])
    await sleep(200)
  }
  console.log(`announcement → proved book: ${JSON.stringify(measured)}`)
  expect(measured.filter(({ afterReadyMs }) => afterReadyMs > 2_000)).toEqual([])
})
