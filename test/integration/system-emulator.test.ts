import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { expectRecordedTruth, fillTexts, recordedTokens, tradeTexts, wrongLadders } from '../support/recorded-checks.ts'
import { openSystem, until, type System } from '../support/system.ts'
import { openVenueProcess, type VenueProcess } from '../support/venue-process.ts'

/**
 * The whole product as `npm start` runs it, on 200 emulated markets at 1,000 frames/s, against the emulator's ledger.
 *
 * Rows of `order_books` that a ledger predicts: for each token, per connection, one row a level of each first snapshot
 * (an empty one: one row), one row for each `price_change` element that changed its level's value, one row for each
 * level in which a post-trade book differs from the book before it. Elements that leave their level as it is: none.
 */
const MARKETS = 200
const RUN_MS = 60_000

const settle = async (venue: VenueProcess, system: System): Promise<void> => {
  await venue.post('pause')
  const pool = system.pool()
  const redis = system.redis()
  await sleep(500)
  await until('ladders to equal the ledger', async () => {
    const wrong = await wrongLadders(await venue.ledger(), pool, redis)
    return wrong.length === 0 ? true : undefined
  })
  const counted = async (): Promise<string> =>
    JSON.stringify((await pool.query('select (select count(*) from order_books), (select count(*) from fills)')).rows)
  let last = ''
  await until('rows to be settled', async () => {
    const now = await counted()
    if (now === last) return true
    last = now
    await sleep(500)
    return undefined
  })
}

const live = async (system: System): Promise<void> => {
  const pool = system.pool()
  await until('all markets to be live', async () => {
    const result = await pool.query<{ live: number }>(
      "select count(*)::int as live from quotes_live where state in ('live', 'unverified')",
    )
    return (result.rows[0]?.live ?? 0) >= MARKETS ? true : undefined
  })
}

const openBoth = async (): Promise<{ venue: VenueProcess; system: System }> => {
  const venue = await openVenueProcess(['--markets', String(MARKETS), '--rate', '1000'])
  const system = await openSystem({ args: ['--venue', 'live', '--top', String(MARKETS)], env: venue.env })
  return { venue, system }
}

describe('200 markets at 1,000 frames/s', () => {
  test('every book, row and fill equals the ledger, and a killed normalizer changes nothing', async () => {
    const { venue, system } = await openBoth()
    await using _venue = venue
    await using _system = system
    await live(system)
    await sleep(RUN_MS / 2)
    process.kill(system.pidOf('normalizer'), 'SIGKILL')
    await sleep(RUN_MS / 2)
    await settle(venue, system)
    const ledger = await venue.ledger()
    expect(recordedTokens(ledger)).toHaveLength(2 * MARKETS)
    const pool = system.pool()
    await expectRecordedTruth(ledger, pool, system.redis())
    const rows = await pool.query<{ rows: number }>('select count(*)::int as rows from order_books')
    const predicted = ledger.tokens.reduce((sum, token) => sum + token.expectedRows, 0)
    expect(rows.rows[0]?.rows).toBe(predicted)
    expect(await fillTexts(pool)).toEqual(tradeTexts(ledger))
    const gaps = await pool.query('select reason, detail from feed_gaps')
    expect(gaps.rows).toEqual([])
    expect((await pool.query('select reason, detail from dead_letters')).rows).toEqual([])
  }, 300_000)

  test('after kill -9 of everything the next start continues: final books equal, no row twice, sequences dense', async () => {
    const { venue, system } = await openBoth()
    await using _venue = venue
    await using _system = system
    await live(system)
    await sleep(10_000)
    await system.killEverything()
    await sleep(1_000)
    await system.startAgain()
    await live(system)
    await sleep(10_000)
    await settle(venue, system)
    const pool = system.pool()
    await expectRecordedTruth(await venue.ledger(), pool, system.redis())
    const gaps = await pool.query<{ reason: string; open: number; gaps: number }>(
      'select reason, count(*)::int as gaps, count(*) filter (where closed_at is null)::int as open from feed_gaps group by 1',
    )
    expect(gaps.rows.map(({ open }) => open)).toEqual(gaps.rows.map(() => 0))
    const outcomes = await pool.query<{ outcomes: number }>(
      'select count(distinct outcome_id)::int as outcomes from feed_gaps',
    )
    expect(outcomes.rows[0]?.outcomes).toBe(2 * MARKETS)
  }, 300_000)
})
