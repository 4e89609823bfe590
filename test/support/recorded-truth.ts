import type { Redis } from 'ioredis'
import type pg from 'pg'
import type { Ledger } from '../../src/emulator/ledger.ts'
import { countDoubled, notDense, plainBook, readLadders, readOutcomes, rebuildFromRows } from './recorded-books.ts'

/** The ledger's tokens that somebody was subscribed to; closed markets of the catalogue are never recorded. */
export const recordedTokens = (ledger: Ledger): Ledger['tokens'] =>
  ledger.tokens.filter((token) => Object.keys(token.byConnection).length > 0)

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
export const brokenPromises = async (ledger: Ledger, pool: pg.Pool, redis: Redis): Promise<string[]> => {
  const tokens = recordedTokens(ledger)
  const outcomes = await readOutcomes(pool)
  const rebuilt = await rebuildFromRows(pool)
  const wrongBooks = tokens.flatMap(({ token, bids, asks }) => {
    const outcomeId = outcomes.get(token) ?? ''
    const book = rebuilt.get(outcomeId)?.book
    return JSON.stringify(book) === JSON.stringify(plainBook(bids, asks))
      ? []
      : [`book of ${outcomeId} from order_books is ${book === undefined ? 'not known' : 'wrong'}`]
  })
  const doubled = await countDoubled(pool)
  return [
    ...(tokens.length === 0 ? ['the ledger has no token that was sent'] : []),
    ...wrongBooks,
    ...(await wrongLadders(ledger, pool, redis)).map((outcomeId) => `ladder of ${outcomeId} is wrong`),
    ...notDense(rebuilt).map((problem) => `sequences are not dense: ${problem}`),
    ...(doubled === 0 ? [] : [`${doubled} rows stand twice`]),
  ]
}

/** Fills that the market channel told of as text, one a trade, sorted: for comparison as multisets. */
export const fillTexts = async (pool: pg.Pool): Promise<string[]> => {
  const result = await pool.query<{ text: string }>(
    `select f.tx_hash || ' ' || o.tokens || ' ' || f.side || ' ' || trim_scale(f.price) || ' ' || trim_scale(f.size) as text
     from fills f join outcomes o using (outcome_id) where f.source <> 'data_api'`,
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
