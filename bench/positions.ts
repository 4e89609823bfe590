import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { withClient } from '../src/store/checkout.ts'
import { rebuildPositions } from '../src/store/position-rebuild.ts'
import { toMoves, writeMoves } from '../src/store/positions.ts'
import type { AttributedFill } from '../src/domain/trade.ts'
import { createDice } from '../test/support/faults/dice.ts'
import { openPostgres } from '../test/support/services.ts'

/**
 * What positions cost a commit: batches of fills whose wallets are new, that come in the order of time, and of which each
 * comes a minute late. Inserting the fills themselves is not in it. Then how long a rebuild of all takes.
 */
const { values } = parseArgs({
  options: {
    fills: { type: 'string', default: '1000' },
    batches: { type: 'string', default: '60' },
    wallets: { type: 'string', default: '1000' },
    outcomes: { type: 'string', default: '400' },
  },
})
const [fillCount, batchCount] = [Number(values.fills), Number(values.batches)]
const [walletCount, outcomeCount] = [Number(values.wallets), Number(values.outcomes)]
const START_MS = 1_790_000_000_000
const dice = createDice(7)

const MARKETS = `
insert into markets (market_id, condition_id, slug, question, status, tick_size, min_order_size, neg_risk)
select n::text, '0x' || n, n::text, '?', 'active', 0.01, 5, false from generate_series(1, $1::int) n`
const OUTCOMES = `
insert into outcomes (outcome_id, market_id, name, tokens)
select n || ':' || i, n::text, 'Yes', n || '00' || i from generate_series(1, $1::int) n, generate_series(0, 1) i`
const FILLS = `
insert into fills (market_id, outcome_id, side, price, size, tx_hash, ordinal, source, status, captured_at, source_ts, wallet,
  data_api_ts, confirmed_at)
select market_id, outcome_id, side, price, size, fill_id, 0, 'data_api', 'confirmed', now(), at, wallet, at, now()
from jsonb_to_recordset($1::jsonb) as n(market_id text, outcome_id text, side text, price numeric, size numeric, fill_id text,
  wallet text, at timestamptz)`

let number = 0
const newFill = (secondsBack: number): AttributedFill => {
  number += 1
  const marketId = String(1 + dice.below(outcomeCount / 2))
  const wallet = `0x${String(Math.floor((dice.below(1_000) / 1_000) ** 2 * walletCount)).padStart(40, '0')}`
  return {
    fillId: `0x${number}`,
    marketId,
    outcomeId: `${marketId}:${dice.below(2)}`,
    wallet,
    side: dice.below(3) === 0 ? 'sell' : 'buy',
    priceText: `0.${1 + dice.below(98)}`,
    sizeText: String(1 + dice.below(500)),
    exchangeTimeMs: START_MS + Math.floor(number / fillCount) * 2_000 - secondsBack * 1_000,
    ordinal: 0,
  }
}

const toRow = (fill: AttributedFill) => ({
  market_id: fill.marketId,
  outcome_id: fill.outcomeId,
  side: fill.side,
  price: fill.priceText,
  size: fill.sizeText,
  fill_id: fill.fillId,
  wallet: fill.wallet,
  at: new Date(fill.exchangeTimeMs).toISOString(),
})

const runBatches = async (pool: pg.Pool, secondsBack: number): Promise<number[]> => {
  const tookMs: number[] = []
  for (let at = 0; at < batchCount; at++) {
    const fills = Array.from({ length: fillCount }, () => newFill(secondsBack))
    await withClient(pool, async (client) => {
      await client.query('begin')
      await client.query(FILLS, [JSON.stringify(fills.map(toRow))])
      const startMs = performance.now()
      await writeMoves({ client, isTracked: () => true }, toMoves(fills))
      tookMs.push(performance.now() - startMs)
      await client.query('commit')
    })
  }
  return tookMs.toSorted((left, right) => left - right)
}

const tell = (what: string, sorted: number[]): void => {
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1)
  console.log(`${what}: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms a batch of ${fillCount} fills`)
}

await using server = await openPostgres()
const pool = new pg.Pool({ connectionString: server.url, max: 2 })
console.log(`${availableParallelism()} cores, load ${loadavg().map((value) => value.toFixed(2)).join(' ')}`) // prettier-ignore
await pool.query(MARKETS, [outcomeCount / 2])
await pool.query(OUTCOMES, [outcomeCount / 2])
tell('many new positions', await runBatches(pool, 0))
await pool.query('analyze fills, positions')
tell('in the order of time', await runBatches(pool, 0))
tell('a minute late', await runBatches(pool, 60))
const startMs = performance.now()
let walletsRead = 0
for await (const part of rebuildPositions(pool, { wallets: [], isTracked: () => true, isDryRun: true })) {
  walletsRead += part.walletCount
  if (part.differences.length > 0)
    throw new Error(`expected no difference, found ${JSON.stringify(part.differences[0])}`)
}
console.log(
  `rebuild of ${walletsRead} wallets, ${number} fills: ${((performance.now() - startMs) / 1_000).toFixed(1)} s`,
)
await pool.end()
