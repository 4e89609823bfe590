import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { plainBook, readLadders, readOutcomes, type PlainBook } from '../support/recorded-books.ts'
import { recordedTokens } from '../support/recorded-truth.ts'
import { openRecording, untilLive, type Recording } from '../support/recording.ts'
import { expectWithin, timed } from '../support/quickest.ts'
import { until } from '../support/system.ts'
import { expectDone, queryStatus, signalMarket } from '../support/temporal-command.ts'

/** What an operator who sets depths sees; discovery starts the markets with the depth of the environment. */
const MARKETS = 6
const BOOK_DEPTH = 4

let recording: Recording
let marketIds: string[]

beforeAll(async () => {
  const env = { BOOK_DEPTH: String(BOOK_DEPTH) }
  recording = await openRecording({ markets: MARKETS, rate: 120, env })
  const { rows } = await recording.pool.query<{ id: string }>('select market_id as id from quotes_live order by 1')
  marketIds = rows.map(({ id }) => id)
})

afterAll(() => recording[Symbol.asyncDispose]())

const marketAt = (index: number): string => marketIds[index] ?? ''
const outcomesOf = (marketId: string): string[] => [`${marketId}:0`, `${marketId}:1`]

const pastBook = async (outcomeId: string): Promise<PlainBook> => {
  const sql = "select side, price::text, size::text from book_at($1, now() + interval '1 minute')"
  const { rows } = await recording.pool.query<{ side: string; price: string; size: string }>(sql, [outcomeId])
  const pairs = (name: string) =>
    rows.filter(({ side }) => side === name).map(({ price, size }): [string, string] => [price, size])
  return plainBook(pairs('bid'), pairs('ask'))
}

/** Levels of every side of a market, in the ladders and as of now. */
const countsOf = async (marketId: string): Promise<number[]> => {
  const redis = recording.system.redis()
  const books = await Promise.all(outcomesOf(marketId).flatMap((id) => [readLadders(redis, id), pastBook(id)]))
  redis.disconnect()
  return books.flatMap(({ bids, asks }) => [bids.length, asks.length])
}

/** Ms from the operator's word until every side has as many levels. */
const becomes = async (marketId: string, levels: string, isRight: (count: number) => boolean): Promise<number> => {
  expectDone(await signalMarket(recording.system, marketId, 'setDepth', '--input', levels))
  return timed(() => until(`depth ${levels} of ${marketId}`, async () => (await countsOf(marketId)).every(isRight)))
}

const mismatches = async (): Promise<{ verified: number; mismatched: number }> => {
  const sql = `
    select (coalesce((select sum(batches_verified) from market_hours), 0) + sum((progress #>> '{hour,verified}')::int))::int as verified,
      (coalesce((select sum(batches_mismatched) from market_hours), 0) + sum((progress #>> '{hour,mismatched}')::int))::int as mismatched
    from ingestion_offsets where stream like 'orderbook:%'`
  const { rows } = await recording.pool.query<{ verified: number; mismatched: number }>(sql)
  return rows[0] ?? { verified: 0, mismatched: -1 }
}

/** Ladders and books as of now against the venue's own books, cut to what each market keeps. */
const wrongBooks = async (depths: Map<string, number>): Promise<string[]> => {
  const { venue, pool, system } = recording
  const ledger = await venue.ledger()
  const outcomes = await readOutcomes(pool)
  const redis = system.redis()
  const wrong: string[] = []
  for (const { token, bids, asks } of recordedTokens(ledger)) {
    const outcomeId = outcomes.get(token) ?? ''
    const depth = depths.get(outcomeId.split(':')[0] ?? '') ?? BOOK_DEPTH
    const whole = plainBook(bids, asks)
    const end = depth === 0 ? undefined : depth
    const wanted = JSON.stringify({ bids: whole.bids.slice(0, end), asks: whole.asks.slice(0, end) })
    if (JSON.stringify(await readLadders(redis, outcomeId)) !== wanted) wrong.push(`ladder of ${outcomeId}`)
    if (JSON.stringify(await pastBook(outcomeId)) !== wanted) wrong.push(`book_at of ${outcomeId}`)
  }
  redis.disconnect()
  return wrong
}

const untilRight = async (depths: Map<string, number>): Promise<void> => {
  await recording.venue.post('pause')
  await until('ladders and history to be the best levels of the venue', async () => {
    const wrong = await wrongBooks(depths)
    if (wrong.length > 0) throw new Error(wrong.join(', '))
    return true
  })
  await recording.venue.post('resume')
}

const untilApplied = (marketId: string, depth: number): Promise<boolean> =>
  until(`status of ${marketId} with depth ${depth}, applied`, async () => {
    const { text } = await queryStatus(recording.system, marketId)
    const shown = text.replaceAll(/["\s]/g, '')
    if (!shown.includes(`depth:${depth},depthApplied:true`)) throw new Error(text)
    return true
  })

describe('the depth of a market', () => {
  test('is the default where nobody said another, and a new one shows in ladders and rows within a second', async () => {
    const wanted = Array.from({ length: 8 }, () => BOOK_DEPTH).join()
    const isDefault = async (marketId: string): Promise<boolean> => (await countsOf(marketId)).join() === wanted
    for (const marketId of marketIds) await until(`${BOOK_DEPTH} levels of ${marketId}`, () => isDefault(marketId))
    const [narrow, wide] = [marketAt(0), marketAt(1)]
    await expectWithin('2 levels a side', 1_000, async (attempt) => {
      if (attempt > 0) await becomes(narrow, '3', (count) => count === 3)
      return becomes(narrow, '2', (count) => count === 2)
    })
    await expectWithin('all levels', 1_000, async (attempt) => {
      if (attempt > 0) await becomes(wide, '3', (count) => count === 3)
      return becomes(wide, '0', (count) => count > BOOK_DEPTH)
    })
    await untilApplied(narrow, 2)
    await untilApplied(wide, 0)
    await untilApplied(marketAt(2), BOOK_DEPTH)
    expect(await countsOf(marketAt(2))).toEqual(Array.from({ length: 8 }, () => BOOK_DEPTH))
    await untilRight(new Map([[narrow, 2], [wide, 0]])) // prettier-ignore
  })

  test('outlives kill -9 of feed and normalizer, also with a Redis that was emptied, and no batch fails its proof', async () => {
    const { system, pool } = recording
    const depths = new Map([[marketAt(0), 2], [marketAt(1), 0]]) // prettier-ignore
    const killed = new Set<number>()
    const kill = (role: string): Promise<true> =>
      until(`${role} to run`, () => {
        const pid = system.pidOf(role)
        if (killed.has(pid)) throw new Error(`its successor is not up yet: ${pid}`)
        process.kill(pid, 'SIGKILL')
        killed.add(pid)
        return true
      })
    await kill('normalizer')
    await kill('feed')
    await untilRight(depths)
    const redis = system.redis()
    await redis.flushall()
    redis.disconnect()
    await kill('normalizer')
    await kill('feed')
    await untilLive(pool, MARKETS)
    await untilRight(depths)
    await untilApplied(marketAt(0), 2)
    await untilApplied(marketAt(1), 0)
    const counted = await mismatches()
    expect(counted.mismatched).toBe(0)
    expect(counted.verified).toBeGreaterThan(100)
  })
})
