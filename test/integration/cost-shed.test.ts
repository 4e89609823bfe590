import { expect, test } from 'vitest'
import type { ShedTier } from '../../src/domain/shed.ts'
import { createFlow, gammaText, outcomesOf, tokensOf, type Flow } from '../support/normalizer-flow.ts'
import { bookOfRows } from '../support/normalizer-rows.ts'
import { committed, readRows, until } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, start, tables } = await openStores()
const { pool } = database
const SHOWN = { timeout: 60_000 }
const LEVELS = 2

type Gap = { reason: string; tier: string; isOpen: boolean }

const gapsOf = async (outcomeId: string): Promise<Gap[]> => {
  const sql = `select reason, left(detail, 6) as tier, closed_at is null as "isOpen" from feed_gaps
    where outcome_id = $1 order by gap_sequence`
  return (await pool.query<Gap>(sql, [outcomeId])).rows
}

const now = async (): Promise<Date> =>
  (await pool.query<{ now: Date }>('select clock_timestamp() as now')).rows[0]?.now ?? new Date()

const stateAt = async (outcomeId: string, at: Date): Promise<string | undefined> =>
  (await pool.query<{ state: string }>('select state from book_state_at($1, $2)', [outcomeId, at])).rows[0]?.state

const bookAt = async (outcomeId: string, at: Date): Promise<Map<string, string>> => {
  const sql = 'select side, price::text, size::text from book_at($1, $2)'
  const { rows } = await pool.query<{ side: string; price: string; size: string }>(sql, [outcomeId, at])
  return new Map(rows.map(({ side, price, size }) => [`${side} ${Number(price)}`, String(Number(size))]))
}

const countLadders = (outcomeId: string): Promise<number> =>
  redis.exists(`ladder:${outcomeId}:bid`, `ladder:${outcomeId}:ask`)

const shedTo = (flow: Flow, marketId: string, tier: ShedTier): Promise<void> => {
  const told = { type: 'depth', levels: tier === 0 ? 0 : LEVELS, tier }
  return flow.append(marketId, [['marker', JSON.stringify(told)]])
}

/** The best levels of each side of what the venue has. */
const bestOf = (flow: Flow, outcomeId: string): Map<string, string> => {
  const side = (name: string, sign: number) =>
    [...flow.levels(outcomeId)]
      .filter(([key]) => key.startsWith(name))
      .toSorted(([left], [right]) => sign * (Number(left.slice(4)) - Number(right.slice(4))))
      .slice(0, LEVELS)
  return new Map([...side('bid', -1), ...side('ask', 1)].map(([key, size]) => [key, String(Number(size))]))
}

const open = async (marketId: string) => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText(marketId)])
  await flow.append(marketId, [['marker', JSON.stringify({ type: 'subscribed', tokens: tokensOf(marketId) })]])
  await flow.books(marketId)
  await flow.changes(marketId, 100)
  await committed(tables(), `orderbook:${marketId}`)
  await expect.poll(() => redis.hget(`quote:${marketId}`, 'state'), SHOWN).toBe('live')
  return { flow, outcomeId: outcomesOf(marketId)[0] ?? '', settle: () => committed(tables(), `orderbook:${marketId}`) }
}

test('depth alone: the best levels go on in rows and ladders, proved, the rest is a gap until the whole book is back', async () => {
  await using shard = start()
  const { flow, outcomeId, settle } = await open('31')
  await shedTo(flow, '31', 1)
  await flow.changes('31', 60)
  await settle()
  const during = await now()
  expect(await gapsOf(outcomeId)).toEqual([{ reason: 'cost', tier: 'tier 1', isOpen: true }])
  expect(await stateAt(outcomeId, during)).toBe('in_gap')
  expect(await bookAt(outcomeId, during)).toEqual(bestOf(flow, outcomeId))
  await expect.poll(() => redis.hmget('quote:31', 'state', 'depth'), SHOWN).toEqual(['unverified', String(LEVELS)])
  const verified = Number(await redis.hget('quote:31', 'verified_sequence'))
  await flow.changes('31', 20)
  await expect
    .poll(async () => Number(await redis.hget('quote:31', 'verified_sequence')), SHOWN)
    .toBeGreaterThan(verified)
  await shedTo(flow, '31', 0)
  await flow.changes('31', 20)
  await settle()
  expect(bookOfRows(await readRows(pool, outcomeId))).toEqual(flow.levels(outcomeId))
  expect(await gapsOf(outcomeId)).toEqual([{ reason: 'cost', tier: 'tier 1', isOpen: false }])
  await expect.poll(() => stateAt(outcomeId, new Date(Date.now() + 1_000)), SHOWN).toBe('verified')
  await expect.poll(() => redis.hget('quote:31', 'state'), SHOWN).toBe('live')
  expect(await stateAt(outcomeId, during)).toBe('in_gap')
  expect(shard.stats.read()['batchesMismatched'] ?? 0).toBe(0)
})

test('quotes only: no rows and no ladders, but quotes go on and are proved; a restart meanwhile changes nothing', async () => {
  const first = start()
  const { flow, outcomeId, settle } = await open('32')
  await shedTo(flow, '32', 2)
  await settle()
  const rows = (await readRows(pool, outcomeId)).length
  const since = await now()
  await flow.changes('32', 60)
  await settle()
  await first.stop()
  await using second = start()
  await flow.changes('32', 60)
  await settle()
  expect((await readRows(pool, outcomeId)).length).toBe(rows)
  const bid = bestOf(flow, outcomeId).entries().next().value
  await expect.poll(() => redis.hget('quote:32', 'bid_price'), SHOWN).toBe(bid?.[0].slice(4))
  expect(await countLadders(outcomeId)).toBe(0)
  const quote = 'select bid_price::float8 as bid, state from quotes_live where market_id = $1'
  expect((await pool.query(quote, ['32'])).rows).toEqual([{ bid: Number(bid?.[0].slice(4)), state: 'unverified' }])
  expect(await stateAt(outcomeId, await now())).toBe('in_gap')
  expect(second.stats.read()['batchesVerified'] ?? 0).toBeGreaterThan(0)
  const liquidity =
    "select type from liquidity_events where market_id = $1 and observed_at > $2 and type not like 'gap%'"
  expect((await pool.query(liquidity, ['32', since])).rows).toEqual([])
  await shedTo(flow, '32', 0)
  await settle()
  expect(bookOfRows(await readRows(pool, outcomeId))).toEqual(flow.levels(outcomeId))
  expect((await gapsOf(outcomeId)).map(({ isOpen }) => isOpen)).toEqual([false, false])
})

test('trades only: nothing is known of the book until REST brings it, fills go on', async () => {
  await using shard = start()
  const { flow, outcomeId, settle } = await open('33')
  await shedTo(flow, '33', 3)
  await flow.trade('33', '0xfill')
  await settle()
  const during = await now()
  await expect.poll(() => redis.hmget('quote:33', 'state', 'bid_price'), SHOWN).toEqual(['unverified', ''])
  expect(await countLadders(outcomeId)).toBe(0)
  expect(await stateAt(outcomeId, during)).toBe('in_gap')
  const fills = await pool.query('select tx_hash from fills where market_id = $1', ['33'])
  expect(fills.rows).toEqual([{ tx_hash: '0xfill' }])
  const listener = redis.duplicate()
  const asked: string[] = []
  listener.on('message', (_, marketId) => asked.push(marketId))
  await listener.subscribe('resync')
  const { rows: before } = await pool.query('select count(*) from order_books where market_id = $1', ['33'])
  await shedTo(flow, '33', 2)
  await until('a whole book is asked for', () => asked.includes('33'))
  expect((await gapsOf(outcomeId)).map(({ tier, isOpen }) => [tier, isOpen])).toEqual([['tier 1', true], ['tier 2', true], ['tier 3', true]]) // prettier-ignore
  await flow.books('33', 'rest')
  await settle()
  expect((await gapsOf(outcomeId)).map(({ isOpen }) => isOpen)).toEqual([true, true, false])
  expect((await pool.query('select count(*) from order_books where market_id = $1', ['33'])).rows).toEqual(before)
  await shedTo(flow, '33', 0)
  await flow.changes('33', 40)
  await settle()
  expect(bookOfRows(await readRows(pool, outcomeId))).toEqual(flow.levels(outcomeId))
  await expect.poll(() => redis.hget('quote:33', 'state'), SHOWN).toBe('live')
  expect((await gapsOf(outcomeId)).some(({ isOpen }) => isOpen)).toBe(false)
  const { rows: hours } = await pool.query(
    "select state from coverage('33', now() - interval '1 hour', now() + interval '1 hour')",
  )
  expect(hours.at(-1)).toEqual({ state: 'degraded' })
  expect(shard.stats.read()['batchesMismatched'] ?? 0).toBe(0)
  listener.disconnect()
})
