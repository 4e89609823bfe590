import type { Redis } from 'ioredis'
import type pg from 'pg'
import { expect } from 'vitest'
import type { Ledger } from '../../src/emulator/ledger.ts'
import { countDoubled, notDense, plainBook, readLadders, readOutcomes, rebuildFromRows } from './recorded-books.ts'

/** The ledger's tokens that somebody was subscribed to; closed markets of the catalogue are never recorded. */
export const recordedTokens = (ledger: Ledger): Ledger['tokens'] =>
  ledger.tokens.filter((token) => token.sent.snapshots > 0)

/** Outcome ids of the ledger's tokens whose ladder in Redis is not the ledger's book. */
export const wrongLadders = async (ledger: Ledger, pool: pg.Pool, redis: Redis): Promise<string[]> => {
  const outcomes = await readOutcomes(pool)
  const wrong: string[] = []
  for (const token of recordedTokens(ledger)) {
    const outcomeId = outcomes.get(token.token)
    const ladders = outcomeId === undefined ? undefined : await readLadders(redis, outcomeId)
    const wanted = plainBook(token.bids, token.asks)
    if (JSON.stringify(ladders) !== JSON.stringify(wanted)) wrong.push(outcomeId ?? token.token)
  }
  return wrong
}

/** The promises that hold after every run, whatever was killed: books equal the ledger, no row twice, sequences dense. */
export const expectRecordedTruth = async (ledger: Ledger, pool: pg.Pool, redis: Redis): Promise<void> => {
  const outcomes = await readOutcomes(pool)
  const rebuilt = await rebuildFromRows(pool)
  for (const token of recordedTokens(ledger)) {
    const outcomeId = outcomes.get(token.token) ?? ''
    expect(rebuilt.get(outcomeId)?.book, `book of ${outcomeId} from order_books`).toEqual(
      plainBook(token.bids, token.asks),
    )
  }
  expect(await wrongLadders(ledger, pool, redis)).toEqual([])
  expect(notDense(rebuilt)).toEqual([])
  expect(await countDoubled(pool)).toBe(0)
}

/** Fills as text, one a trade, sorted: for comparison as multisets. */
export const fillTexts = async (pool: pg.Pool): Promise<string[]> => {
  const result = await pool.query<{ text: string }>(
    `select f.tx_hash || ' ' || o.tokens || ' ' || f.side || ' ' || trim_scale(f.price) || ' ' || trim_scale(f.size) as text
     from fills f join outcomes o using (outcome_id)`,
  )
  return result.rows.map((row) => row.text).toSorted()
}

export const tradeTexts = (ledger: Ledger): string[] =>
  ledger.trades
    .filter((trade) => trade.sentCount > 0)
    .map((trade) =>
      [trade.transactionHash, trade.token, trade.side.toLowerCase(), Number(trade.price), Number(trade.size)].join(' '),
    )
    .toSorted()
