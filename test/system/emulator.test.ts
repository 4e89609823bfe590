import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { judgeLiquidity } from '../support/expect-liquidity.ts'
import { brokenPromises, fillTexts, recordedTokens, tradeTexts } from '../support/recorded-truth.ts'
import { expectRecorded, openRecording, settle, untilLive, untilNone } from '../support/recording.ts'
import { until } from '../support/system.ts'
import { readLosses } from '../support/tape/losses.ts'
import { readLostTrades } from '../support/tape/trades.ts'

/**
 * The whole product as `npm start` runs it, on 200 emulated markets at 1,000 frames/s, against the emulator's ledger.
 *
 * Rows of `order_books` that a ledger predicts: for each token, per connection, one row a level of each first snapshot
 * (an empty one: one row), one row for each `price_change` element that changed its level's value, one row for each
 * level in which a post-trade book differs from the book before it. Elements that leave their level as it is: none.
 */
const MARKETS = 200
const RUN_MS = 60_000

const RUN = { markets: MARKETS, rate: 1_000, env: {} }

describe('200 markets at 1,000 frames/s', () => {
  test('every book, row and fill equals the ledger, and a killed normalizer changes nothing', async () => {
    await using recording = await openRecording(RUN)
    const { system, pool } = recording
    await sleep(RUN_MS / 2)
    process.kill(system.pidOf('normalizer'), 'SIGKILL')
    await sleep(RUN_MS / 2)
    const ledger = await expectRecorded(recording)
    expect(recordedTokens(ledger)).toHaveLength(2 * MARKETS)
    const rows = await pool.query<{ rows: number }>('select count(*)::int as rows from order_books')
    const predicted = ledger.tokens.reduce((sum, token) => sum + token.expectedRows, 0)
    expect(rows.rows[0]?.rows).toBe(predicted)
    const trades = tradeTexts(ledger)
    await until('all fills', async () => (await fillTexts(pool)).length >= trades.length)
    expect(await fillTexts(pool)).toEqual(trades)
    const gaps = await pool.query('select reason, detail from feed_gaps')
    expect(gaps.rows).toEqual([])
    expect((await pool.query('select reason, detail from dead_letters')).rows).toEqual([])
    const liquidity = await judgeLiquidity(pool, ledger)
    console.log(`trades explain ${(liquidity.explained * 100).toFixed(2)} % of what the ledger says was traded`)
    expect(liquidity).toMatchObject({ unbalanced: [], invented: [] })
    expect(liquidity.explained).toBeGreaterThan(0.9)
  })

  /**
   * What may be missing is what was received and not yet kept: the linger of the feed and what a killed Redis had not
   * written. Both are well under a second; the bound leaves room for a busy machine.
   */
  const UNKEPT_MS = 1_500

  test('after kill -9 of everything only what was not yet appended is missing, all of it within recorded gaps', async () => {
    await using recording = await openRecording({ ...RUN, venueArgs: ['--unheard'], isLogged: true })
    const { venue, system } = recording
    await sleep(6_000)
    const killedMs = Date.now()
    await system.killEverything()
    await sleep(1_000)
    await system.startAgain()
    const pool = system.pool()
    await untilLive(pool, MARKETS)
    await sleep(6_000)
    const ledger = await settle({ ...recording, pool })
    const redis = system.redis()
    await untilNone('broken promises', () => brokenPromises(ledger, pool, redis))

    const tapes = await venue.tapes()
    const losses = await readLosses(pool, tapes)
    expect(losses).toHaveLength(2 * MARKETS)
    expect(losses.flatMap(({ outcomeId, problems }) => problems.map((problem) => `${outcomeId} ${problem}`))).toEqual(
      [],
    )
    const followed = losses.map(({ aligned }) => new Set(aligned.map(({ connection }) => connection)).size)
    expect(new Set(followed), 'connections that each history follows').toEqual(new Set([2]))
    const lost = losses.flatMap(({ outcomeId, unrecorded }) =>
      unrecorded.map(({ connection, event, gap }) => ({
        outcomeId,
        connection,
        msBefore: killedMs - event.timeMs,
        gap,
      })),
    )
    expect(lost.filter(({ msBefore }) => msBefore > UNKEPT_MS)).toEqual([])
    expect(lost.filter(({ gap }) => gap === undefined)).toEqual([])
    const gaps = losses.flatMap((one) => one.gaps.map(({ gap, missedEvents }) => ({ ...gap, missedEvents })))
    expect(gaps).toHaveLength(2 * MARKETS)
    expect(gaps.filter(({ closedMs }) => closedMs === Infinity)).toEqual([])
    expect(gaps.filter(({ missedEvents }) => missedEvents > 0).length, 'the venue went on meanwhile').toBeGreaterThan(0)

    const trades = await readLostTrades(pool, tapes)
    expect(trades.invented).toEqual([])
    expect(trades.lost.filter(({ timeMs }) => killedMs - timeMs > UNKEPT_MS)).toEqual([])
    const reopenedMs = Math.max(...gaps.map(({ closedMs }) => closedMs))
    expect(trades.lost.filter(({ timeMs }) => timeMs > reopenedMs)).toEqual([])
    console.log(`${lost.length} rows and ${trades.lost.length} trades were not yet appended when all was killed`)
  })
})
