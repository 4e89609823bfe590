import type { ClientBase } from 'pg'
import type { DeadLetter, Reprocessed } from '../normalizer/batch.ts'
import type { TradeRow } from '../normalizer/trade-row.ts'
import { toJson } from './json.ts'

/** Trades of known outcomes, and what is to be noted of the others, and of dead letters on their second way. */
export type Placed = { trades: TradeRow[]; deadLetters: DeadLetter[]; reprocessed: Reprocessed[] }

const OUTCOMES = `select tokens, outcome_id, market_id from outcomes
where tokens = any(array(select jsonb_array_elements_text($1::jsonb)))`

export type Outcome = { tokens: string; outcome_id: string; market_id: string }

const toReprocessed = (deadLetterId: number, { trade }: TradeRow, outcome: Outcome | undefined): Reprocessed => {
  const { token, takerSide, sizeText, priceText } = trade
  if (outcome === undefined) {
    return { deadLetterId, result: 'rejected', detail: `token "${token}" is no outcome of a known market` }
  }
  const detail = `fill ${takerSide} ${sizeText} of ${outcome.outcome_id} at ${priceText}`
  return { deadLetterId, result: 'applied', detail }
}

/** Asks for the outcomes of the trades' tokens. */
export const outcomesOf = (trades: TradeRow[]): [statement: string, values: [string]] => [
  OUTCOMES,
  [toJson([...new Set(trades.map(({ trade }) => trade.token))])],
]

/** What becomes of trades, where these are the outcomes that are known. */
export const placeAmong = (found: Outcome[], trades: TradeRow[]): Placed => {
  const placed: Placed = { trades: [], deadLetters: [], reprocessed: [] }
  const outcomes = new Map(found.map((row) => [row.tokens, row]))
  for (const row of trades) {
    const outcome = outcomes.get(row.trade.token)
    const { origin } = row
    if (origin.type === 'dead_letter') placed.reprocessed.push(toReprocessed(origin.deadLetterId, row, outcome))
    if (outcome !== undefined) placed.trades.push({ ...row, marketId: outcome.market_id })
    else if (origin.type === 'frame') placed.deadLetters.push(origin.letter)
  }
  return placed
}

/**
 * Finds the markets of trades of the Data API. Within the transaction, after its markets are written, since a market and
 * its first trades may come together. Changes nothing: a commit that is tried again looks again.
 */
export const placeTrades = async (client: ClientBase, trades: TradeRow[]): Promise<Placed> => {
  if (trades.length === 0) return placeAmong([], trades)
  return placeAmong((await client.query<Outcome>(...outcomesOf(trades))).rows, trades)
}
